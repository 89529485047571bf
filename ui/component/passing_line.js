// A line that goes by itself, as ui/passing_line.py describes it. Time passes only while somebody can see the line, and
// not while the mouse or the focus is on it.

const STEP = 250 // milliseconds between two looks at the clock
const decoder = new TextDecoder()
const left = new Map() // occasion -> milliseconds that its line has left, also on the next page

export default function (component) {
  const { occasion, words, seconds, details, close } = JSON.parse(decoder.decode(component.data))
  const line = component.parentElement.querySelector(".passing-line")
  if (line.dataset.occasion === occasion) return
  line.dataset.occasion = occasion
  const [status, more, end] = line.children
  more.textContent = details
  more.onclick = () => component.setTriggerValue("details", true)
  end.textContent = close
  end.hidden = seconds > 0
  end.onclick = () => component.setTriggerValue("close", true)
  if (!left.has(occasion)) left.set(occasion, seconds * 1000 || Infinity)
  line.hidden = left.get(occasion) <= 0
  requestAnimationFrame(() => { status.textContent = status.title = words }) // a change is read out, a beginning is not
  const clock = setInterval(() => {
    if (line.dataset.occasion !== occasion || !line.isConnected) return clearInterval(clock)
    if (document.hidden || line.matches(":hover, :focus-within")) return
    left.set(occasion, left.get(occasion) - STEP)
    line.hidden = left.get(occasion) <= 0
  }, STEP)
}
