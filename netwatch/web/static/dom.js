// The little that is needed to make elements and to keep lists in step with data.

/** An element: `h("p", {class: "x", onclick: f}, "text", child, [children])`. Nothing is ever parsed as HTML. */
export function h(name, properties, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "data") Object.assign(element.dataset, value);
    else if (key === "vars") for (const [name, v] of Object.entries(value)) element.style.setProperty(`--${name}`, v);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const prints = new WeakMap();

/**
 * Make `parent` hold one element for each item, in order. An element whose `print` did not change is left alone, so
 * that focus, selection and running animations survive; moved ones are moved, not made anew.
 */
export function keep(parent, items, { key, print, make }) {
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const id = key(item);
    const mark = print(item);
    let element = old.get(id);
    old.delete(id);
    if (!element || prints.get(element) !== mark) {
      const fresh = make(item, Boolean(element));
      fresh.dataset.key = id;
      prints.set(fresh, mark);
      if (element) {
        const focused = element.contains(document.activeElement);
        if (place === element) place = fresh;
        element.replaceWith(fresh);
        if (focused) (fresh.querySelector("button") ?? fresh).focus();
      }
      element = fresh;
    }
    if (element === place) place = place.nextElementSibling;
    else parent.insertBefore(element, place);
  }
  for (const gone of old.values()) gone.remove();
}
