/** The few ways in which this page makes elements and writes numbers. Text is only ever text. */

/** @template {keyof HTMLElementTagNameMap} T @param {T} tag @param {string} className @param {...(Node | string)} children @returns {HTMLElementTagNameMap[T]} */
export function make(tag, className, ...children) {
  const element = document.createElement(tag)
  if (className !== '') element.className = className
  element.append(...children)
  return element
}

/** @param {string} label @param {string} className @param {() => void} onClick */
export function makeButton(label, className, onClick) {
  const button = make('button', className, label)
  button.type = 'button'
  button.addEventListener('click', onClick)
  return button
}

/** @param {string} id */
export function byId(id) {
  const element = document.getElementById(id)
  if (element === null) throw new Error(`no #${id} in the page`)
  return element
}

/** @param {number} ms */
export function milliseconds(ms) {
  return `${ms < 9.95 ? ms.toFixed(1) : ms.toFixed(0)} ms`
}

/** `store-card` → `store card` @param {string} name */
export function words(name) {
  return name.replaceAll(/[-_]/g, ' ')
}
