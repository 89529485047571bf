// Gives the focus of the keyboard to a control once, as ui/focus.py describes it.

const decoder = new TextDecoder()
const given = new WeakSet() // elements of this component that have done their work

const isLost = () => document.activeElement === document.body && !document.querySelector("[role=dialog]")

export default function (component) {
  const element = component.parentElement
  if (given.has(element)) return
  given.add(element)
  const { selector, ifLost } = JSON.parse(decoder.decode(component.data))
  const watched = new MutationObserver(() => give())
  const give = () => {
    const control = document.querySelector(selector)
    if (!control || (ifLost && !isLost())) return
    control.focus()
    if (document.activeElement === control) stop()
  }
  const stop = () => {
    watched.disconnect()
    for (const event of ["keydown", "pointerdown"]) document.removeEventListener(event, stop, true)
  }
  for (const event of ["keydown", "pointerdown"]) document.addEventListener(event, stop, true)
  watched.observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ["disabled"] })
  give()
  return stop
}
