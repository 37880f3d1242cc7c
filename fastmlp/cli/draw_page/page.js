"use strict";

// A drawing to 784 numbers as fastmlp.datasets.digit_from_image makes them of the picture, and these to
// probabilities as the model does. Each function below names its counterpart in Python.

const network = JSON.parse(document.getElementById("network").textContent);
const { side: SIDE, box: BOX, middle: MIDDLE, blank: BLANK, faint: FAINT, edge: EDGE, strong: STRONG, speck: SPECK } =
  network.image;
for (const layer of network.layers) {
  layer.coef = floats(layer.coef);
  layer.intercept = floats(layer.intercept);
}

function floats(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  const view = new DataView(bytes.buffer);
  const values = new Float32Array(bytes.length / 4);
  for (let i = 0; i < values.length; i++) values[i] = view.getFloat32(4 * i, true);
  return values;
}

// --- the picture -------------------------------------------------------------------------------------------------

// Python's round: halves go to the even neighbour.
function round(x) {
  const below = Math.floor(x);
  const rest = x - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

// The 784 numbers of a picture, black on white with a white border; null if it is blank.
function read(picture) {
  const ink = inkOf(picture);
  const part = ink && crop(ink);
  return part && centre(fit(part));
}

// _ink: how far each pixel is from the paper's colour, white, towards the ink's.
function inkOf({ data, width, height }) {
  const grey = new Uint8Array(width * height);
  const counts = new Float64Array(256);
  for (let i = 0; i < grey.length; i++) counts[(grey[i] = data[4 * i])] += 1;
  let darkest = 255; // of the lighter one of two neighbours: one pixel alone is no ink
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (x > 0) darkest = Math.min(darkest, Math.max(grey[i], grey[i - 1]));
      if (y > 0) darkest = Math.min(darkest, Math.max(grey[i], grey[i - width]));
    }
  }
  const strongest = Math.abs(darkest / 255 - 1);
  if (strongest < BLANK) return null;
  const dark = [];
  for (let v = 0; v < 256; v++) if (Math.abs(v / 255 - 1) >= STRONG * strongest) dark.push(v);
  const n = dark.reduce((sum, v) => sum + counts[v], 0);
  const at = (k) => {
    for (const v of dark) if ((k -= counts[v]) < 0) return v / 255 - 1;
  };
  const full = (at(Math.floor((n - 1) / 2)) + at(Math.floor(n / 2))) / 2;
  const scale = full / Math.max(full * full, BLANK * BLANK);
  const values = new Float64Array(grey.length);
  for (let i = 0; i < grey.length; i++) values[i] = (grey[i] / 255 - 1) * scale;
  return { values, width, height };
}

// _crop: the strokes and nothing but the strokes; small specks are left out.
function crop({ values, width, height }) {
  const stroke = new Int32Array(values.length); // 0: not looked at, or paper
  const areas = [0];
  const open = [];
  for (let start = 0; start < values.length; start++) {
    if (stroke[start] || values[start] <= FAINT) continue;
    const number = areas.length;
    areas.push(0);
    stroke[start] = number;
    open.push(start);
    while (open.length) {
      const i = open.pop();
      if (values[i] >= STRONG) areas[number]++;
      const x = i % width;
      const y = (i - x) / width;
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
          const j = v * width + u;
          if (!stroke[j] && values[j] > FAINT) {
            stroke[j] = number;
            open.push(j);
          }
        }
      }
    }
  }
  const largest = Math.max(...areas);
  if (largest === 0) return null;
  const least = Math.max(1, SPECK * largest);
  const kept = values.map((value, i) => (stroke[i] && areas[stroke[i]] >= least ? value : 0));
  let part = rectangle(kept, width, 0);
  if (Math.max(part.width, part.height) !== BOX) part = rectangle(kept, width, EDGE);
  const inside = new Float64Array(part.width * part.height);
  for (let y = 0, i = 0; y < part.height; y++) {
    for (let x = 0; x < part.width; x++) inside[i++] = kept[(part.top + y) * width + part.left + x];
  }
  return { values: inside, width: part.width, height: part.height };
}

function rectangle(values, width, above) {
  let [left, right, top, bottom] = [Infinity, -1, Infinity, -1];
  for (let i = 0; i < values.length; i++) {
    if (values[i] <= above) continue;
    const x = i % width;
    const y = (i - x) / width;
    [left, right, top, bottom] = [Math.min(left, x), Math.max(right, x), Math.min(top, y), Math.max(bottom, y)];
  }
  return { left, top, width: right - left + 1, height: bottom - top + 1 };
}

// _fit: the longer side becomes 20 pixels, and the strokes as strong as MNIST's.
function fit(ink) {
  let { values, width, height } = ink;
  const scale = BOX / Math.max(height, width);
  const newWidth = Math.max(1, round(width * scale));
  const newHeight = Math.max(1, round(height * scale));
  values = Float32Array.from(values);
  if (newWidth !== width) values = resizeRows(values, width, height, newWidth);
  if (newHeight !== height) {
    const turned = resizeRows(transpose(values, newWidth, height), height, newWidth, newHeight);
    values = transpose(turned, newHeight, newWidth);
  }
  const strongest = values.reduce((most, value) => Math.max(most, value), -Infinity);
  const strong = Array.from(values.filter((value) => value >= Math.fround(STRONG * strongest))).sort((a, b) => a - b);
  const place = 0.9 * (strong.length - 1);
  const [low, high] = [strong[Math.floor(place)], strong[Math.ceil(place)]];
  const full = Math.fround(low + (high - low) * (place - Math.floor(place)));
  values = values.map((value) => Math.min(1, Math.max(0, value / full)));
  return { values, width: newWidth, height: newHeight };
}

function transpose(values, width, height) {
  const turned = new Float32Array(values.length);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) turned[x * height + y] = values[y * width + x];
  return turned;
}

// Pillow's bicubic filter with anti-aliasing, along rows.
function resizeRows(values, width, height, newWidth) {
  const scale = width / newWidth;
  const wide = Math.max(scale, 1);
  const result = new Float32Array(newWidth * height);
  for (let x = 0; x < newWidth; x++) {
    const centre = (x + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - 2 * wide + 0.5));
    const n = Math.min(width, Math.trunc(centre + 2 * wide + 0.5)) - first;
    const weights = new Float64Array(n);
    let sum = 0;
    for (let k = 0; k < n; k++) sum += weights[k] = bicubic((k + first - centre + 0.5) * (1 / wide));
    for (let k = 0; k < n; k++) weights[k] *= 1 / sum;
    for (let y = 0; y < height; y++) {
      let value = 0;
      for (let k = 0; k < n; k++) value += values[y * width + first + k] * weights[k];
      result[y * newWidth + x] = value;
    }
  }
  return result;
}

function bicubic(x) {
  const a = -0.5;
  x = Math.abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

// _centre: the centre of mass as near to the middle as whole pixels allow.
function centre({ values, width, height }) {
  const mass = [new Float64Array(width), new Float64Array(height)];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      mass[0][x] += values[i];
      mass[1][y] += values[i];
    }
  }
  const [left, top] = mass.map((weights) => {
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const moment = weights.reduce((sum, weight, k) => sum + weight * k, 0);
    return Math.min(Math.max(0, round(MIDDLE - moment / total)), SIDE - weights.length);
  });
  const digit = new Float32Array(SIDE * SIDE);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++) digit[(top + y) * SIDE + left + x] = values[i++];
  }
  return digit;
}

// --- the network -------------------------------------------------------------------------------------------------

const logistic = (x) => 1 / (1 + Math.exp(-x));
const ACTIVATIONS = {
  identity: (x) => x,
  relu: (x) => Math.max(x, 0),
  tanh: Math.tanh,
  logistic,
  leaky_relu: (x) => (x > 0 ? x : network.leaky_slope * x),
  elu: (x) => (x > 0 ? x : Math.expm1(x)),
  selu: (x) => network.selu.scale * (x > 0 ? x : network.selu.alpha * Math.expm1(x)),
  gelu: (x) => x * (1 + erf(x * Math.SQRT1_2)) * 0.5,
  silu: (x) => x * logistic(x),
  mish: (x) => x * Math.tanh(x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x))),
};

// erf to 1.2e-7, by the Chebyshev fit of erfc that is in "Numerical Recipes".
function erf(x) {
  const t = 1 / (1 + 0.5 * Math.abs(x));
  const series = [
    0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196, 1.00002368,
  ].reduce((sum, c) => sum * t + c, 0);
  const tail = t * Math.exp(-x * x - 1.26551223 + t * series);
  return x >= 0 ? 1 - tail : tail - 1;
}

// predict_proba, and the outputs of each hidden layer.
function predict(pixels) {
  const hidden = [];
  let x = pixels;
  network.layers.forEach(({ coef, intercept }, l) => {
    const n = intercept.length;
    const z = Float64Array.from(intercept);
    for (let i = 0; i < x.length; i++) {
      if (x[i] === 0) continue;
      for (let j = 0, k = i * n; j < n; j++) z[j] += x[i] * coef[k++];
    }
    if (l < network.layers.length - 1) hidden.push(z.map(ACTIVATIONS[network.activation]));
    x = hidden[l] || z;
  });
  let probabilities;
  if (network.kind === "multiclass") {
    const most = Math.max(...x);
    probabilities = Array.from(x, (z) => Math.exp(z - most));
    const sum = probabilities.reduce((a, b) => a + b);
    probabilities = probabilities.map((p) => p / sum);
  } else if (network.kind === "multilabel") probabilities = Array.from(x, logistic);
  else if (network.kind === "binary") probabilities = [1 - logistic(x[0]), logistic(x[0])];
  else probabilities = [1];
  return { hidden, probabilities };
}
