// Keeps the focus of the keyboard where Streamlit's menus lose it: a menu that opens keeps it for itself, so that Enter
// chooses nothing, and after a dialog that was opened from a menu nothing has it, for the menu is gone by then.

const PASSING = "[role=dialog], [role=menu]"
let last = null // what had the focus outside of dialogs and menus

document.addEventListener("focusin", ({ target }) => {
  if (target.matches("[role=menu]")) requestAnimationFrame(() => chooseFirst(target)) // its lines may be yet to come
  else if (!target.closest(PASSING)) last = target
})

document.addEventListener("focusout", ({ target }) => {
  if (target.closest(PASSING)) setTimeout(giveBack, 100) // the dialog closes, and Streamlit's own way comes first
})

function chooseFirst(menu) {
  if (document.activeElement === menu) menu.querySelector("[role=menuitem]")?.focus()
}

function giveBack() {
  if (document.activeElement === document.body && !document.querySelector(PASSING) && last?.isConnected) last.focus()
}
