// Elements, and the few controls that every mode is made of.

/** Return an element: attributes that are functions listen, true and false set or leave out, others are text. */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name.replace(/^on/, ""), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, String(value));
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

export const button = (text, onclick, attributes = {}) =>
  element("button", { type: "button", onclick, ...attributes }, text);

let named = 0;
const fresh = (word) => `${word}-${++named}`;

/** Return a labeled slider over a list of values. */
export function slider(label, values, value, change, { format = String, hint = "" } = {}) {
  const id = fresh("slider"), out = element("output", { for: id }, format(value));
  const input = element("input", {
    id, type: "range", min: 0, max: values.length - 1, step: 1, value: values.indexOf(value),
    "aria-valuetext": format(value),
    oninput() {
      const chosen = values[input.value];
      out.textContent = format(chosen);
      input.setAttribute("aria-valuetext", format(chosen));
      change(chosen);
    },
  });
  return element("div", { class: "control", title: hint }, element("label", { for: id }, label), input, out);
}

/** Return a labeled menu of [value, words] pairs. */
export function menu(label, choices, value, change) {
  const id = fresh("menu");
  const options = choices.map(([key, text]) =>
    element("option", { value: key, selected: key === value }, text));
  const select = element("select", { id, onchange: () => change(select.value) }, ...options);
  return element("div", { class: "control" }, element("label", { for: id }, label), select);
}

/** Return a group of radio buttons of [value, words] pairs, drawn as one strip. */
export function strip(legend, choices, value, change, titles = {}) {
  const name = fresh("strip");
  const options = choices.map(([key, text]) =>
    element("label", { title: titles[key] },
      element("input", { type: "radio", name, value: key, checked: key === value, onchange: () => change(key) }),
      element("span", {}, text)));
  return element("fieldset", { class: "strip" }, element("legend", {}, legend), ...options);
}

/** Choose one of a strip's values as a click would, or show it without one. */
export function choose(group, value) {
  const input = group.querySelector(`input[value="${CSS.escape(value)}"]`);
  if (input) input.checked = true;
}

/** Return what says text to a screen reader, at most once in so many milliseconds, the last of it always. */
export function speaker(wait = 1500) {
  const node = element("p", { class: "spoken", role: "status", "aria-live": "polite" });
  let timer = 0, last = "";
  const say = (text) => {
    last = text;
    timer ||= setTimeout(() => { timer = 0; if (node.textContent !== last) node.textContent = last; }, wait);
  };
  return { node, say };
}

export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
