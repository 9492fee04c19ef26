// Tabs: one mode is shown at a time.

import { element } from "./dom.js";

/** Return the strip of tabs and the panels of {words: panel}; arrows move from tab to tab. */
export function modes(panels) {
  const names = Object.keys(panels);
  const tabs = names.map((name, i) => element("button", {
    type: "button", role: "tab", id: `tab-${i}`, "aria-controls": `panel-${i}`,
    onclick: () => show(i),
    onkeydown(event) {
      const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (move) show((i + move + names.length) % names.length).focus();
    },
  }, name));
  const framed = names.map((name, i) =>
    element("div", { role: "tabpanel", id: `panel-${i}`, "aria-labelledby": `tab-${i}` }, panels[name]));

  function show(chosen) {
    tabs.forEach((tab, i) => {
      tab.setAttribute("aria-selected", i === chosen);
      tab.tabIndex = i === chosen ? 0 : -1;
      framed[i].hidden = i !== chosen;
    });
    framed[chosen].dispatchEvent(new Event("shown"));
    return tabs[chosen];
  }

  show(0);
  return [element("div", { role: "tablist", class: "tabs" }, ...tabs), ...framed];
}
