// A table of real HTML: what ui/tables/html_table.py describes, and the events that it asks for.
// Everything from the server is set as text, never as HTML.

const decoder = new TextDecoder()
const drawn = new WeakMap() // element -> what it shows, so that an equal description leaves focus and scroll alone

export default function (component) {
  const { parentElement, data, setTriggerValue } = component
  const text = decoder.decode(data)
  const root = parentElement.querySelector(".lt-root") // another one after Streamlit has put the HTML in anew
  if (drawn.get(root) === text) return
  const focused = keyOf(root.querySelector(":focus"))
  drawn.set(root, text)
  const table = draw(JSON.parse(text), (event, value) => setTriggerValue(event, value))
  keepControls(root, table)
  root.replaceChildren(table)
  if (focused) root.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true })
}

const cellOf = (value) => (typeof value === "object" ? value : { text: value })

const keyOf = (element) => element?.dataset?.key

// A control that is still there stays the same element: a dialog that closes later gives the focus back to that.
function keepControls(root, table) {
  const controls = new Map([...root.querySelectorAll("[data-key]")].map((control) => [keyOf(control), control]))
  for (const fresh of table.querySelectorAll("[data-key]")) {
    const control = controls.get(keyOf(fresh))
    if (!control) continue
    for (const name of control.getAttributeNames()) if (!fresh.hasAttribute(name)) control.removeAttribute(name)
    for (const name of fresh.getAttributeNames()) control.setAttribute(name, fresh.getAttribute(name))
    control.replaceChildren(...fresh.childNodes)
    control.checked = fresh.checked
    control.onclick = fresh.onclick
    fresh.replaceWith(control)
  }
}

function draw(table, send) {
  const element = make("table", { role: "table", "aria-label": table.name, "aria-rowcount": table.total + 1 })
  element.append(head(table, send), body(table, send))
  const parts = [element]
  if (table.more) parts.push(foot(table, send))
  const fragment = document.createDocumentFragment()
  fragment.append(...parts)
  return fragment
}

function head(table, send) {
  const row = make("tr", { role: "row", "aria-rowindex": 1 })
  for (const column of table.columns) {
    const cell = make("th", { role: "columnheader", scope: "col", class: `lt-${column.kind}` })
    if (column.sort) {
      cell.setAttribute("aria-sort", column.sort)
      const button = make("button", { type: "button", class: "lt-sort", "data-key": `sort/${column.id}` }, column.title)
      button.onclick = () => send("sort", column.id)
      cell.append(button)
    } else {
      cell.textContent = column.title
    }
    row.append(cell)
  }
  const part = make("thead", { role: "rowgroup" })
  part.append(row)
  return part
}

function body(table, send) {
  const part = make("tbody", { role: "rowgroup" })
  table.rows.forEach((row, place) => {
    const line = make("tr", { role: "row", "aria-rowindex": place + 2 })
    table.columns.forEach((column, index) => {
      const cell = make("td", { role: "cell", class: `lt-${column.kind}`, "data-label": column.title })
      fill(cell, row.cells[index], column, row, send)
      line.append(cell)
    })
    // All names of a row open the same, so that one of them is enough for who comes by keyboard; the case is there, too.
    for (const name of [...line.querySelectorAll("button.lt-open")].slice(1)) name.tabIndex = -1
    part.append(line)
  })
  return part
}

function fill(cell, value, column, row, send) {
  if (value === null || value === "" || (value.text === "" && !value.act)) {
    cell.classList.add("lt-empty")
    return
  }
  const { text, sub, title, tone, share, chips, label, on, disabled } = cellOf(value)
  if (title) cell.title = title
  if (column.kind === "open") {
    const key = `open/${row.id}/${column.id}`
    const button = make("button", { type: "button", class: "lt-open", "data-key": key }, text)
    if (label) button.setAttribute("aria-label", label)
    button.onclick = () => send("open", { row: row.id, column: column.id })
    cell.append(button)
    if (sub) cell.append(make("span", { class: "lt-sub" }, sub))
  } else if (column.kind === "case") {
    cell.append(...caseOf(value, row.id, column.id, send))
  } else if (column.kind === "switch") {
    cell.append(switchOf(text, on, disabled, row.id, column.id, send))
  } else if (column.kind === "chip") {
    for (const chip of chips) cell.append(chipOf(chip, row.id, column.id, send))
  } else if (column.kind === "bar") {
    const bar = make("span", { class: "lt-track", "aria-hidden": "true" })
    const filled = make("span", { class: "lt-fill" })
    filled.style.width = `${Math.min(share, 100)}%`
    bar.append(filled)
    cell.append(bar, make("span", {}, text))
  } else {
    cell.append(tone ? make("span", { class: `lt-word lt-${tone}` }, text) : text)
    if (sub) cell.append(make("span", { class: "lt-sub" }, sub))
  }
}

// A chip with a label opens what it is about.
function chipOf({ text, tone, label }, row, column, send) {
  const chip = make("span", { class: `lt-chip lt-${tone}` }, text)
  if (!label) return chip
  const key = `open/${row}/${column}`
  const button = make("button", { type: "button", class: "lt-why", "aria-label": label, "data-key": key })
  button.onclick = () => send("open", { row, column })
  button.append(chip)
  return button
}

// The door to a case, the button that does what is next, or both.
function caseOf({ text, label, tone, act, actLabel }, row, column, send) {
  const parts = []
  if (act) {
    const name = { type: "button", class: "lt-act", "aria-label": actLabel, "data-key": `act/${row}/${column}` }
    const button = make("button", name, act)
    button.onclick = () => send("act", { row, column })
    parts.push(button)
  }
  if (text) {
    const name = { type: "button", class: `lt-open lt-door lt-${tone || "quiet"}`, "aria-label": label }
    const door = make("button", { ...name, "data-key": `open/${row}/${column}` }, text)
    door.onclick = () => send("open", { row, column })
    parts.push(door)
  }
  return parts
}

// It shows what is stored: a click only asks for the change, and the next description says what became of it.
function switchOf(name, on, disabled, row, column, send) {
  const key = `switch/${row}/${column}`
  const box = make("input", { type: "checkbox", role: "switch", "aria-label": name, "data-key": key })
  box.checked = on
  box.disabled = disabled
  box.onclick = (event) => {
    event.preventDefault()
    event.currentTarget.setAttribute("aria-busy", "true")
    send("switch", { row, column, on: !on })
  }
  return box
}

function foot(table, send) {
  const part = make("div", { class: "lt-foot" }, table.shown)
  const button = make("button", { type: "button", class: "lt-more", "data-key": "more" }, table.more)
  button.onclick = () => send("more", table.rows.length)
  part.append(button)
  return part
}

function make(name, attributes = {}, text = null) {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
  if (text !== null) element.textContent = text
  return element
}
