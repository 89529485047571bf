// A button that copies the address of the page, as ui/tables/copy_link.py describes it.

const decoder = new TextDecoder()

export default function (component) {
  const { label, copied } = JSON.parse(decoder.decode(component.data))
  const button = component.parentElement.querySelector("button")
  button.textContent = label
  button.onclick = async () => {
    if (await copy(window.location.href)) button.textContent = copied
  }
}

async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text).then(() => true, () => false)
  const field = document.createElement("textarea") // over http browsers know the older way only
  field.value = text
  document.activeElement.after(field)
  field.select()
  const done = document.execCommand("copy")
  field.remove()
  return done
}
