// Every word that the page says, in one place.

export const words = {
  draw: {
    tab: "Draw",
    lead: "Draw half a picture. The machine finishes it.",
    leadTable: "Set some columns. The machine fills in the rest.",
    hint: "Draw here",
    show: "Show me",
    board: "Drawing board of {height} by {width} pixels. Arrow keys move, space paints, Escape lets all go.",
    cursor: "row {row}, column {column}",
    tool: "Brush",
    tools: { ink: "Ink", blank: "Blank", free: "Let go" },
    toolTitles: {
      ink: "Hold pixels on",
      blank: "Hold pixels off",
      free: "Give pixels back to the machine",
    },
    legend: "Orange is yours and stays as it is; white is the machine’s.",
    legendTable: "What is ticked is held; the rest is what the machine makes of it, and moves.",
    holdColumn: "Hold {name}",
    clear: "Start over",
    keep: "Hold",
    keeps: {
      drawn: "what is drawn",
      nothing: "nothing",
      top: "top half",
      bottom: "bottom half",
      left: "left half",
      right: "right half",
      noise: "a random half",
    },
    row: "Load a row",
  },
  play: {
    pause: "Pause",
    resume: "Go on",
    step: "One step",
    past: "Last two seconds",
    paused: "paused",
    rate: "{steps} Gibbs steps a second",
  },
  controls: {
    more: "Temperature, speed, chains",
    temperature: "Temperature",
    temperatureHint: "above 1 the machine dares more, below 1 it plays safe",
    steps: "Gibbs steps a frame",
    chains: "Chains side by side",
    show: "Show",
    shows: { means: "probabilities", samples: "samples" },
    save: "Save as",
    saves: { png: "PNG", gif: "GIF", npy: "NPY" },
  },
  labels: {
    title: "It looks like",
    any: "anything",
    choose: "The bars are what the machine takes it for; choose one to ask for it.",
    told: "Most likely {label}, {percent} percent.",
  },
  energy: {
    title: "Free energy",
    about: "in nats; lower is more like what was learned",
    told: "{title} {value} nats.",
  },
  look: {
    tab: "Look inside",
    lead: "Each tile is a hidden unit: what it wants to see. It is lit while it is on.",
    grid: "{count} hidden units of layer {layer}. Arrow keys move, Enter holds a unit on, then off, then lets it go.",
    unit: "Unit {number} of layer {layer}",
    field: "What it wants",
    effect: "What it adds now",
    amount: "at most {percent} %",
    effectAbout: "the picture with it on, less the picture with it off",
    hold: "Hold it",
    holds: { free: "free", on: "on", off: "off" },
    sort: "Sort by",
    sorts: { size: "size of weights", activity: "activity", effect: "effect now" },
    on: "on in {percent} % of the last frames",
    held: "{count} held",
    release: "Let all go",
    floor: "Layer {layer}, {count} units",
    legend: "Red raises a pixel, blue lowers it.",
  },
  page: {
    half: "This page holds the model in half precision, which moves the free energies of its states by at most {nats} nats.",
    made: "Made by harmonium. It runs in this browser alone: nothing is sent anywhere.",
  },
};

/** Return a sentence with its {names} filled in. */
export function say(sentence, values = {}) {
  return sentence.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}
