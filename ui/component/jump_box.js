// The jump box, as ui/frame/jump_box.py describes it: a button and a dialog with a combobox (ARIA: editable combobox
// with list autocomplete). The names come from the server when somebody opens it, and are set as text, never as HTML.

import "./menu_focus.js" // here, because this script is on every page

const ADDRESS = "/jump"
const SHOWN = 50 // options; the status line tells how many there are
const BY_SLASH = "lizenztool.slash" // "off": somebody does not want the key / (a choice that WCAG 2.1.4 asks for)
const decoder = new TextDecoder()
const drawn = new WeakMap() // root -> the words that it shows

let box = null // the parts that are on the page: root, dialog, field, list, status, words, send
let opener = null // where the focus was before
let names = { etag: "", targets: [] }
let asked = 0 // how often the names were asked for, so that a late answer does not replace a newer one
let active = -1

export default function (component) {
  const { parentElement, data, setTriggerValue } = component
  const text = decoder.decode(data)
  const root = parentElement.querySelector(".jb-root") // another one after Streamlit has put the HTML in anew
  const send = (target) => setTriggerValue("go", target)
  if (drawn.get(root) === text) {
    box.send = send
    return
  }
  drawn.set(root, text)
  box = { root, send, words: JSON.parse(text), ...draw(root, JSON.parse(text)) }
}

document.addEventListener("keydown", (event) => {
  if (!box?.root.isConnected || event.defaultPrevented || event.isComposing) return
  if (!asksToOpen(event) || document.querySelector("dialog[open], [role=dialog]")) return
  event.preventDefault()
  open()
})

function asksToOpen(event) {
  const field = event.target.closest?.("input, textarea, select, [contenteditable=true], [role=combobox]")
  if (event.altKey) return false
  if (event.key.toLowerCase() === "k" && !event.shiftKey) {
    // On a Mac, Ctrl+K in a field deletes the rest of the line.
    return event.metaKey || (event.ctrlKey && !(isMac() && field))
  }
  return event.key === "/" && !event.ctrlKey && !event.metaKey && !field && localStorage.getItem(BY_SLASH) !== "off"
}

const isMac = () => /mac|iphone|ipad/i.test(navigator.platform)

// ---------------------------------------------------------------- the parts

function draw(root, words) {
  const button = make("button", {
    type: "button", class: "jb-button", "aria-haspopup": "dialog", "aria-keyshortcuts": "Control+K Meta+K /",
  })
  button.append(make("span", {}, words.open), make("kbd", { "aria-hidden": "true" }, isMac() ? "⌘K" : "Ctrl K"))
  button.addEventListener("click", open)

  const dialog = make("dialog", { class: "jb-dialog", "aria-label": words.title })
  const field = make("input", {
    type: "text", role: "combobox", "aria-label": words.field, placeholder: words.field, maxlength: words.longest,
    autocomplete: "off", autocapitalize: "off", spellcheck: "false",
    "aria-expanded": "true", "aria-autocomplete": "list", "aria-controls": "jb-list", enterkeyhint: "go",
  })
  const list = make("ul", { id: "jb-list", role: "listbox", "aria-label": words.targets })
  const status = make("p", { role: "status" })
  const close = make("button", { type: "button", class: "jb-close", "aria-label": words.close }, "✕")
  const head = make("div", { class: "jb-head" })
  const foot = make("div", { class: "jb-foot" })
  head.append(field, close)
  foot.append(status, slashSwitch(words))
  dialog.append(head, list, foot)

  field.addEventListener("input", show)
  field.addEventListener("keydown", onKey)
  close.addEventListener("click", () => dialog.close())
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close()) // beside the box
  dialog.addEventListener("close", () => opener?.isConnected && opener.focus())
  list.addEventListener("mousedown", (event) => event.preventDefault()) // the field keeps the focus
  list.addEventListener("click", (event) => go(event.target.closest("[role=option]")))
  root.replaceChildren(button, dialog)
  return { dialog, field, list, status }
}

function slashSwitch(words) {
  const label = make("label", { class: "jb-slash" })
  const check = make("input", { type: "checkbox" })
  check.checked = localStorage.getItem(BY_SLASH) !== "off"
  check.addEventListener("change", () => localStorage.setItem(BY_SLASH, check.checked ? "on" : "off"))
  label.append(check, words.slash)
  return label
}

function make(name, attributes = {}, text = null) {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
  if (text !== null) element.textContent = text
  return element
}

// ---------------------------------------------------------------- what happens

function open() {
  opener = document.activeElement
  box.field.value = ""
  box.dialog.showModal()
  box.field.focus()
  show()
  load()
}

// The names are kept while the page is open; the server says when there are others.
async function load() {
  const request = ++asked
  const answer = await fetch(ADDRESS, { headers: { "If-None-Match": names.etag }, cache: "no-store" }).catch(() => null)
  if (request !== asked || answer?.status === 304) return
  if (answer?.status === 401) return location.reload() // signed out meanwhile: the server asks for the sign-in
  if (!answer?.ok) {
    if (!names.targets.length) box.status.textContent = box.words.unavailable
    return
  }
  names = { etag: answer.headers.get("ETag") ?? "", targets: targetsOf(await answer.json()) }
  if (box.dialog.open) show()
}

function show() {
  const hits = [...find(names.targets, box.field.value), ...endedCase(names.targets, box.field.value)]
  box.list.replaceChildren(...hits.slice(0, SHOWN).map(option))
  box.list.scrollTop = 0
  activate(hits.length ? 0 : -1)
  if (!names.targets.length) box.status.textContent = box.words.loading
  else if (hits.length === 1) box.status.textContent = box.words.one
  else box.status.textContent = hits.length ? box.words.many.replace("{count}", number(hits.length)) : box.words.none
}

const number = (count) => count.toLocaleString(document.documentElement.dataset.formats)

function option(target, place) {
  const element = make("li", { id: `jb-${place}`, role: "option", "aria-selected": "false" })
  element.target = target
  const hint = target.kind === "product" && target.id !== target.name ? target.id : box.words.kinds[target.kind]
  element.append(make("span", {}, target.name), make("span", { class: "jb-hint" }, hint))
  return element
}

function activate(place) {
  box.list.children[active]?.setAttribute("aria-selected", "false")
  active = place
  const element = box.list.children[place]
  if (!element) return box.field.removeAttribute("aria-activedescendant")
  element.setAttribute("aria-selected", "true")
  box.field.setAttribute("aria-activedescendant", element.id)
  element.scrollIntoView({ block: "nearest" })
}

function onKey(event) {
  if (event.isComposing) return
  const count = box.list.children.length
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }
  if (event.key in steps && count) {
    const step = steps[event.key]
    const place = active + step
    activate(Math.abs(step) === 1 ? (place + count) % count : Math.max(0, Math.min(count - 1, place)))
  } else if (event.key === "Enter") {
    go(box.list.children[active])
  } else {
    return
  }
  event.preventDefault()
}

function go(element) {
  if (!element) return
  box.dialog.close()
  box.send({ kind: element.target.kind, id: element.target.id })
}

// ---------------------------------------------------------------- finding, pure

export function targetsOf(answer) {
  return Object.entries(answer).flatMap(([kind, found]) =>
    found.map(([name, id]) => ({ kind, name, id, key: fold(`${name} ${id}`) })))
}

// As sort_key of core/name_key.py: without case, accents, hidden signs and doubled blanks.
export function fold(text) {
  const folded = text.normalize("NFKC").toUpperCase().toLowerCase().replaceAll("ς", "σ")
  return folded.normalize("NFKD").replace(/[\p{Mn}\p{Cf}]/gu, "").split(/\s+/u).filter(Boolean).join(" ")
}

// All targets that hold every word; first those whose name begins with what was typed, then those whose words do.
export function find(targets, typed) {
  const asked = fold(typed)
  const words = asked.split(" ")
  const rank = ({ key }) => key.startsWith(asked) ? 0 : words.every((word) => startsWord(key, word)) ? 1 : 2
  const hits = targets.filter(({ key }) => words.every((word) => key.includes(word)))
  return asked ? hits.map((hit) => [rank(hit), hit]).sort(([a], [b]) => a - b).map(([, hit]) => hit) : hits
}

// The names hold the cases that are open; any other is found by its whole number.
export function endedCase(targets, typed) {
  const number = typed.trim()
  const known = targets.some(({ kind, id }) => kind === "case" && id === number)
  return /^\d{4}-\d{4,9}$/.test(number) && !known ? [{ kind: "case", name: number, id: number }] : []
}

function startsWord(key, word) {
  for (let place = key.indexOf(word); place >= 0; place = key.indexOf(word, place + 1)) {
    if (place === 0 || !/[\p{L}\p{N}]/u.test(key[place - 1])) return true
  }
  return false
}
