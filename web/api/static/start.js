// A file of its own, so that the page needs no inline script.
const viewer = document.getElementById("viewer")

const scheme = matchMedia("(prefers-color-scheme: dark)")
const follow = () => document.documentElement.classList.toggle("dark-mode", scheme.matches)
scheme.addEventListener("change", follow)
follow()

// No link inside a button, a heading on every level, no list of one server, nothing that takes a mouse to click.
const withoutBarriers = ({ React }) => {
  const nothing = () => () => null
  const titled = (Calls) => (props) =>
    React.createElement(React.Fragment, null, React.createElement("h2", null, "Calls"), React.createElement(Calls, props))
  return {
    wrapComponents: {
      DeepLink: () => ({ text }) => React.createElement("span", null, text),
      operations: titled,
      ServersContainer: nothing,
      CopyToClipboardBtn: nothing,
      DarkModeToggle: nothing,
    },
  }
}

// What Swagger UI draws without the attribute that it needs: selector, attribute, value.
const parameter = (element) => element.closest("tr").dataset.paramName
const ATTRIBUTES = [
  ["tr[data-param-name] select, tr[data-param-name] input", "aria-label", parameter],
  ["textarea.body-param__text", "aria-label", () => "Request body"],
  ["table.responses-table", "aria-label", (element) => element.id.replaceAll("_", " ")],
  [".copy-to-clipboard button", "aria-label", () => "Copy"],
  [".close-modal", "aria-label", () => "Close"],
  [".modal-ux-header h3", "aria-level", () => "2"],
  [".modal-ux h4", "aria-level", () => "3"],
  [".modal-ux h6", "aria-level", () => "4"],
  [".highlight-code pre", "tabindex", () => "0"],
]
const complete = () => {
  for (const [selector, attribute, value] of ATTRIBUTES)
    for (const element of viewer.querySelectorAll(`:is(${selector}):not([${attribute}])`))
      element.setAttribute(attribute, value(element))
}
new MutationObserver(complete).observe(viewer, { childList: true, subtree: true })

window.ui = SwaggerUIBundle({
  url: "/api/v1/openapi.json",
  dom_id: "#viewer",
  deepLinking: true,
  validatorUrl: null, // would ask a foreign host
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  plugins: [withoutBarriers],
});
