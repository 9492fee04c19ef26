// Pause, go on, one step, and the last two seconds: what asks a source for frames and shows them to the modes.

import { button, calm, element } from "./dom.js";
import { say, words } from "./words.js";

const KEPT = 66, PACE = 30; // frames that are kept, and milliseconds from one to the next: two seconds

/** Return {node, listen, frames, set, start, stop, step}: listeners get each frame while their element is
 *  seen, also those looked at again. */
export function framePlayer(source) {
  const listeners = [], frames = [], times = [];
  const pause = button("", toggle);
  const past = element("input", {
    type: "range", min: 0, max: 0, value: 0, "aria-label": words.play.past, title: words.play.past,
    oninput() { stop(); show(frames[past.value]); },
  });
  const rate = element("output", { class: "rate" });
  const node = element("div", { class: "player" },
    pause, button(words.play.step, () => { stop(); step(); }), past, rate);
  let playing = 0, speed = 1, due = 0, debt = 0, asked = false;

  async function step(steps = 1) {
    if (asked) return;
    asked = true;
    try { keep(await source.advance(steps)); } finally { asked = false; }
  }

  function keep(frame) {
    frames.push(frame);
    if (frames.length > KEPT) frames.shift();
    past.max = past.value = frames.length - 1;
    tell(frame.steps);
    show(frame);
  }

  const seen = () => listeners.filter(([, within]) => within().offsetParent);
  const show = (frame) => { for (const [listener] of seen()) listener(frame); };

  /** Say how many Gibbs steps were taken in the last second. */
  function tell(steps) {
    const now = performance.now();
    times.push([now, steps]);
    while (now - times[0][0] > 1000) times.shift();
    const taken = times.reduce((sum, [, n]) => sum + n, 0);
    rate.textContent = playing ? say(words.play.rate, { steps: taken }) : words.play.paused;
  }

  function turn(now) {
    if (!playing) return;
    playing = requestAnimationFrame(turn);
    if (now < due || asked || !seen().length) return;
    due = Math.max(due + PACE, now + PACE / 2);
    debt += speed;
    const steps = Math.floor(debt);
    debt -= steps;
    if (steps) step(steps);
  }

  function start() {
    playing ||= requestAnimationFrame(turn);
    pause.textContent = words.play.pause;
  }

  function stop() {
    playing = cancelAnimationFrame(playing) ?? 0;
    pause.textContent = words.play.resume;
    rate.textContent = words.play.paused;
  }

  function toggle() { if (playing) stop(); else start(); }

  stop();
  return {
    node, frames, start, stop, step,
    listen: (listener, within) => listeners.push([listener, within]),
    set: (steps) => { speed = steps; },
    begin() { if (calm()) step(); else start(); },
  };
}
