type Child = Node | string | undefined
type Props = Readonly<Record<string, string | number | boolean | undefined | ((event: Event) => void)>>

/** An element: functions among its properties are listeners, `true` is an attribute without a value, `undefined` and `false` are none. */
export function h<K extends keyof HTMLElementTagNameMap>(
  name: K,
  props: Props = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name)
  apply(element, props)
  element.append(...children.filter((child) => child !== undefined))
  return element
}

export function svg<K extends keyof SVGElementTagNameMap>(name: K, props: Props = {}): SVGElementTagNameMap[K] {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name)
  apply(element, props)
  return element
}

export function apply(element: Element, props: Props): void {
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === 'function') element.addEventListener(name, value)
    else if (value === undefined || value === false) element.removeAttribute(name)
    else {
      const text = value === true ? '' : String(value)
      if (element.getAttribute(name) !== text) element.setAttribute(name, text)
    }
  }
}

/** Without touching what is there already: a screen reader, or a selection, would notice. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text
}

export function byId(id: string): HTMLElement {
  const element = document.getElementById(id)
  if (element === null) throw new Error(`The page has no #${id}.`)
  return element
}

/** Keeps one element for each item, in their order; focus and listeners stay. */
export function keyed<T, E extends Element>(
  parent: Element,
  items: readonly T[],
  keyOf: (item: T) => string,
  create: (item: T) => E,
  update: (element: E, item: T) => void = () => undefined,
): void {
  const kept = new Map([...parent.children].map((child) => [child.getAttribute('data-key') ?? '', child as E]))
  let place: Element | null = parent.firstElementChild
  for (const item of items) {
    const key = keyOf(item)
    const element = kept.get(key) ?? create(item)
    kept.delete(key)
    element.setAttribute('data-key', key)
    update(element, item)
    if (element === place) place = place.nextElementSibling
    else parent.insertBefore(element, place)
  }
  for (const gone of kept.values()) gone.remove()
}

/** It matches where motion is unwelcome. */
export const calm: MediaQueryList = matchMedia('(prefers-reduced-motion: reduce)')
