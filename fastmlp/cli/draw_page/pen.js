// --- drawing ------------------------------------------------------------------------------------------------------

const SIZE = 448; // pixels of the drawing; digit_from_image takes up to 800 as they are
const MARGIN = 8; // stays white, so that the border is always paper
const PEN = 34;
const STEP = 16; // of an arrow key

const element = (id) => document.getElementById(id);
const paper = element("paper");
const cursor = element("cursor");
const strokes = []; // lists of [x, y]
let pointer = null; // id of the finger that draws
const keyboard = { x: SIZE / 2, y: SIZE / 2, down: false, used: false };

for (const canvas of [paper, cursor]) canvas.width = canvas.height = SIZE;
const context = paper.getContext("2d", { willReadFrequently: true, alpha: false });

function paint() {
  context.fillStyle = "#fff";
  context.fillRect(0, 0, SIZE, SIZE);
  context.save();
  context.beginPath();
  context.rect(MARGIN, MARGIN, SIZE - 2 * MARGIN, SIZE - 2 * MARGIN);
  context.clip();
  context.strokeStyle = context.fillStyle = "#000";
  context.lineWidth = PEN;
  context.lineCap = context.lineJoin = "round";
  for (const stroke of strokes) {
    context.beginPath();
    context.arc(...stroke[0], PEN / 2, 0, 2 * Math.PI); // a line without length may draw nothing
    context.fill();
    context.beginPath();
    for (const point of stroke) context.lineTo(...point);
    context.stroke();
  }
  context.restore();
  paintCursor();
  changed();
}

function paintCursor() {
  const pen = cursor.getContext("2d");
  pen.clearRect(0, 0, SIZE, SIZE);
  if (!keyboard.used || document.activeElement !== paper) return;
  const style = getComputedStyle(document.documentElement);
  pen.strokeStyle = style.getPropertyValue("--accent");
  pen.fillStyle = style.getPropertyValue("--accent");
  pen.lineWidth = 4;
  pen.beginPath();
  pen.arc(keyboard.x, keyboard.y, PEN / 2, 0, 2 * Math.PI);
  pen.stroke();
  if (!keyboard.down) return;
  pen.beginPath();
  pen.arc(keyboard.x, keyboard.y, PEN / 5, 0, 2 * Math.PI);
  pen.fill();
}

function place(event) {
  const frame = paper.getBoundingClientRect();
  return [((event.clientX - frame.left) / frame.width) * SIZE, ((event.clientY - frame.top) / frame.height) * SIZE];
}

function liftPen() {
  keyboard.down = false;
  pointer = null;
}

function undo() {
  liftPen();
  strokes.pop();
  paint();
}

function clear() {
  liftPen();
  strokes.length = 0;
  paint();
}

paper.addEventListener("pointerdown", (event) => {
  if (pointer !== null || event.button !== 0) return;
  event.preventDefault(); // no text is selected
  paper.focus({ preventScroll: true });
  liftPen();
  keyboard.used = false;
  pointer = event.pointerId;
  paper.setPointerCapture(pointer);
  strokes.push([place(event)]);
  paint();
});
paper.addEventListener("pointermove", (event) => {
  if (event.pointerId !== pointer) return;
  const events = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
  for (const one of events.length ? events : [event]) strokes.at(-1).push(place(one));
  paint();
});
for (const end of ["pointerup", "pointercancel"]) {
  paper.addEventListener(end, (event) => {
    if (event.pointerId === pointer) pointer = null;
  });
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
paper.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key in ARROWS) {
    const step = event.shiftKey ? STEP / 4 : STEP;
    const [dx, dy] = ARROWS[event.key];
    const within = (value) => Math.min(Math.max(value, MARGIN + PEN / 2), SIZE - MARGIN - PEN / 2);
    keyboard.x = within(keyboard.x + dx * step);
    keyboard.y = within(keyboard.y + dy * step);
    if (keyboard.down) strokes.at(-1).push([keyboard.x, keyboard.y]);
  } else if (event.key === " ") {
    if (event.repeat) return event.preventDefault();
    keyboard.down = !keyboard.down;
    if (keyboard.down) strokes.push([[keyboard.x, keyboard.y]]);
    element("pen").textContent = keyboard.down ? "Pen down" : "Pen up";
  } else if (event.key === "Backspace" || event.key === "Delete") {
    (event.key === "Delete" ? clear : undo)();
  } else if (event.key === "Escape") {
    liftPen();
  } else return;
  event.preventDefault();
  keyboard.used = true;
  paint();
});
for (const event of ["focus", "blur"]) paper.addEventListener(event, paintCursor);
element("undo").addEventListener("click", undo);
element("clear").addEventListener("click", clear);

// --- what is shown ------------------------------------------------------------------------------------------------

let state = null; // of the drawing as it is now: {pixels, hidden, probabilities}; null if blank
let waiting = false;
let chosen = null; // [layer, unit] whose weights are shown

function changed() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(update);
}

function update() {
  waiting = false;
  const pixels = read(context.getImageData(0, 0, SIZE, SIZE));
  state = pixels && { pixels, ...predict(pixels) };
  element("hint").hidden = strokes.length > 0 || keyboard.used;
  element("hint").style.display = element("hint").hidden ? "none" : "";
  element("undo").disabled = element("clear").disabled = strokes.length === 0;
  showPixels();
  showBars();
  showUnits();
}

function showPixels() {
  const pen = element("seen").getContext("2d");
  const image = pen.createImageData(SIDE, SIDE);
  for (let i = 0; i < SIDE * SIDE; i++) {
    image.data.fill(255 * (1 - (state ? state.pixels[i] : 0)), 4 * i, 4 * i + 3);
    image.data[4 * i + 3] = 255;
  }
  pen.putImageData(image, 0, 0);
}

const percent = (p) => `${(100 * p).toFixed(1)}%`;
const bars = network.classes.map((label) => {
  const item = document.createElement("li");
  item.innerHTML = '<span></span><span class="bar" role="meter" aria-valuemin="0" aria-valuemax="100"><i></i></span><span class="value"></span>';
  item.firstChild.textContent = label;
  item.children[1].setAttribute("aria-label", label);
  element("bars").append(item);
  return item;
});

function showBars() {
  const p = state ? state.probabilities : network.classes.map(() => 0);
  const best = p.indexOf(Math.max(...p));
  bars.forEach((item, k) => {
    const [, bar, value] = item.children;
    item.className = state && (network.kind === "multilabel" ? p[k] > 0.5 : k === best) ? "best" : "";
    bar.firstChild.style.width = `${100 * p[k]}%`;
    bar.setAttribute("aria-valuenow", (100 * p[k]).toFixed(1));
    value.textContent = state ? percent(p[k]) : "–";
  });
  const found = network.classes.filter((_, k) => bars[k].className === "best").join(", ") || "none";
  const sure = network.kind === "multilabel" ? "" : `, ${percent(p[best])}`;
  const text = state ? `It is ${found}${sure}` : "Nothing drawn yet";
  if (element("answer").textContent !== text) element("answer").textContent = text;
}

// --- hidden units -------------------------------------------------------------------------------------------------

const threshold = network.activation === "logistic" ? 0.5 : 0;
const grids = network.layers.slice(0, -1).map(({ intercept }, l) => {
  const n = intercept.length;
  const columns = Math.min(n, Math.max(8, Math.ceil(Math.sqrt(2.5 * n))));
  const rows = Math.ceil(n / columns);
  const figure = document.createElement("figure");
  const caption = document.createElement("figcaption");
  const canvas = document.createElement("canvas");
  const cell = Math.max(6, Math.floor(800 / columns));
  Object.assign(canvas, { width: columns * cell, height: rows * cell, tabIndex: 0 });
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", `Units of hidden layer ${l + 1}; arrow keys choose one`);
  figure.append(caption, canvas);
  element("layers").append(figure);
  const choose = (unit) => {
    chosen = [l, Math.min(Math.max(unit, 0), n - 1)];
    showUnits();
  };
  const point = (event) => {
    const frame = canvas.getBoundingClientRect();
    const x = Math.floor(((event.clientX - frame.left) / frame.width) * columns);
    const y = Math.floor(((event.clientY - frame.top) / frame.height) * rows);
    choose(y * columns + x);
  };
  canvas.addEventListener("pointerdown", point);
  canvas.addEventListener("pointermove", point);
  canvas.addEventListener("keydown", (event) => {
    if (!(event.key in ARROWS)) return;
    event.preventDefault();
    const [dx, dy] = ARROWS[event.key];
    choose(chosen && chosen[0] === l ? chosen[1] + dx + dy * columns : 0);
  });
  return { n, columns, cell, caption, canvas };
});

function colours() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(["plus", "minus", "track", "ink"].map((name) => [name, style.getPropertyValue(`--${name}`)]));
}

function showUnits() {
  const palette = colours();
  grids.forEach(({ n, columns, cell, caption, canvas }, l) => {
    const values = state ? state.hidden[l] : new Float64Array(n);
    const most = values.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-9);
    const fire = state ? values.filter((value) => value > threshold).length : 0;
    caption.textContent = `Layer ${l + 1}: ${fire} of ${n} units fire`;
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, canvas.width, canvas.height);
    const gap = cell > 8 ? 1 : 0;
    for (let j = 0; j < n; j++) {
      const [x, y] = [(j % columns) * cell, Math.floor(j / columns) * cell];
      pen.globalAlpha = 1;
      pen.fillStyle = palette.track;
      pen.fillRect(x, y, cell - gap, cell - gap);
      pen.globalAlpha = Math.sqrt(Math.abs(values[j]) / most);
      pen.fillStyle = values[j] > 0 ? palette.plus : palette.minus;
      pen.fillRect(x, y, cell - gap, cell - gap);
    }
    pen.globalAlpha = 1;
    if (!chosen || chosen[0] !== l) return;
    pen.strokeStyle = palette.ink;
    pen.lineWidth = Math.max(2, cell / 6);
    pen.strokeRect((chosen[1] % columns) * cell, Math.floor(chosen[1] / columns) * cell, cell - gap, cell - gap);
  });
  if (chosen) showWeights(palette, ...chosen);
}

function showWeights(palette, l, unit) {
  const { coef, intercept } = network.layers[l];
  const value = state ? `, output ${state.hidden[l][unit].toFixed(2)}` : "";
  element("unit-text").textContent = `Layer ${l + 1}, unit ${unit}${value}.`;
  const pen = element("weights").getContext("2d");
  pen.clearRect(0, 0, SIDE, SIDE);
  if (l > 0) return; // its inputs are no pixels
  const weights = Float64Array.from({ length: SIDE * SIDE }, (_, i) => coef[i * intercept.length + unit]);
  const most = weights.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-9);
  weights.forEach((weight, i) => {
    pen.globalAlpha = Math.abs(weight) / most;
    pen.fillStyle = weight > 0 ? palette.plus : palette.minus;
    pen.fillRect(i % SIDE, Math.floor(i / SIDE), 1, 1);
  });
}

element("about").textContent = network.about;
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", update);
// For scripts: the state of the drawing at this moment.
window.fastmlp = {
  read,
  predict,
  state() {
    update();
    return {
      picture: paper.toDataURL("image/png"),
      pixels: state && Array.from(state.pixels),
      hidden: state && state.hidden.map((values) => Array.from(values)),
      probabilities: state && Array.from(state.probabilities),
    };
  },
};
paint();
