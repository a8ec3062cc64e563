// A film and its maps side by side: every pane shows the same part of the film, zoomed and windowed
// alike. All of this happens in the browser; Python only hears which film is wanted next.

const KEYS = { i: 'invert', m: 'map', l: 'lungs', 0: 'fit', 1: 'actual', w: 'window' };

// What the reader has set outlasts a change of film or of map.
const states = new WeakMap();

export default function ({ data, parentElement }) {
  const state = states.get(parentElement) ?? setUp(parentElement);
  states.set(parentElement, state);
  show(state, data);
  return () => document.removeEventListener('keydown', state.onKey);
}

function setUp(parent) {
  const state = {
    root: parent.querySelector('.viewer'),
    view: { zoom: 1, x: 0, y: 0 }, // zoom 1 fits the film; x and y in film pixels from its centre
    window: { low: 0, high: 255 },
    invert: false,
    opacity: 0.55,
    outlined: false,
    lungs: null,
    main: 0,
    panes: [],
    film: null,
    key: null,
  };
  state.actions = {
    fit: () => { state.view = { zoom: 1, x: 0, y: 0 }; draw(state); },
    actual: () => {
      if (!state.graded) return;
      const ratio = window.devicePixelRatio || 1;
      state.view.zoom = 1 / (fitScale(state, state.panes[state.main]) * ratio);
      draw(state);
    },
    invert: () => { state.invert = !state.invert; grade(state); draw(state); },
    window: () => { state.window = { low: 0, high: 255 }; grade(state); draw(state); },
    lungs: () => { state.outlined = !state.outlined; press(state); draw(state); },
    map: () => { choose(state, state.main ? 0 : state.preferred); },
  };
  for (const button of state.root.querySelectorAll('button[data-act]')) {
    button.onclick = () => state.actions[button.dataset.act]();
  }
  const slider = state.root.querySelector('input[name="opacity"]');
  slider.oninput = () => { state.opacity = slider.value / 100; draw(state); };
  for (const end of ['low', 'high']) {
    const input = state.root.querySelector(`input[name="${end}"]`);
    input.oninput = () => { setWindow(state, end, +input.value); };
  }
  state.onKey = (event) => {
    if (typing(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    const action = KEYS[event.key.toLowerCase()];
    if (action) { event.preventDefault(); state.actions[action](); }
  };
  document.addEventListener('cxrapp:leave', () => leave(state));
  new ResizeObserver(() => draw(state)).observe(state.root);
  return state;
}

// A slider has the arrows for itself and leaves the letters; a text field has all keys.
function typing(event) {
  const target = event.composedPath()[0];
  if (!(target instanceof Element)) return false;
  if (target.matches('input[type="range"], [role="slider"]')) return false;
  return target.closest('input, textarea, select, [contenteditable]') !== null;
}

// The reader has asked for another film: what is still here must not be taken for it.
function leave(state) {
  state.root.classList.add('left');
  clearTimeout(state.returning);
  state.returning = setTimeout(() => state.root.classList.remove('left'), 8000); // it was the last
}

function show(state, data) {
  document.removeEventListener('keydown', state.onKey);
  document.addEventListener('keydown', state.onKey);
  const stage = state.root.querySelector('.stage');
  state.preferred = data.preferred;
  clearTimeout(state.returning);
  state.root.classList.remove('left');
  if (state.key !== data.key) {
    state.key = data.key;
    state.film = state.graded = null;
    state.view = { zoom: 1, x: 0, y: 0 };
    load(data.film, (image) => { state.film = image; grade(state); draw(state); });
  }
  state.titles = data.panes.map((pane) => pane.title);
  state.notes = data.panes.map((pane) => pane.note);
  state.heats = data.panes.map(() => null);
  data.panes.forEach((pane, index) => {
    if (pane.heat) load(pane.heat, (image) => { state.heats[index] = image; draw(state); });
  });
  state.lungs = null;
  if (data.lungs) load(data.lungs, (image) => { state.lungs = image; draw(state); });
  press(state, !data.lungs);
  if (state.main >= data.panes.length) state.main = 0;
  buildPanes(state, stage);
  buildScales(state, data.scales);
  draw(state);
}

// The button of the outlines: pressed while they are shown, idle where nobody looked for lungs.
function press(state, idle) {
  const button = state.root.querySelector('[data-act="lungs"]');
  button.setAttribute('aria-pressed', state.outlined);
  if (idle !== undefined) button.disabled = idle;
}

function load(url, done) {
  const image = new Image();
  image.onload = () => done(image);
  image.src = url;
}

function buildPanes(state, stage) {
  const count = state.titles.length;
  stage.className = `stage${count === 1 ? ' alone' : ''}${count > 4 ? ' many' : ''}`;
  const side = document.createElement('div');
  side.className = `side${count > 4 ? ' two' : ''}`;
  state.panes = state.titles.map((title, index) => {
    const pane = document.createElement('div');
    pane.className = 'pane';
    const canvas = document.createElement('canvas');
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', title);
    const heading = document.createElement('button');
    heading.className = 'title';
    heading.textContent = title;
    heading.title = 'Show large';
    heading.onclick = () => choose(state, index);
    pane.append(canvas, heading);
    if (state.notes[index]) {
      const note = document.createElement('div');
      note.className = 'note';
      note.textContent = state.notes[index];
      pane.append(note);
    }
    listen(state, canvas);
    return { pane, canvas, index };
  });
  arrange(state, stage, side);
}

function arrange(state, stage, side) {
  const others = state.panes.filter((pane) => pane.index !== state.main);
  side.replaceChildren(...others.map((pane) => pane.pane));
  stage.replaceChildren(state.panes[state.main].pane, ...(others.length ? [side] : []));
}

function choose(state, index) {
  if (index >= state.panes.length) return;
  state.main = index;
  const stage = state.root.querySelector('.stage');
  arrange(state, stage, stage.querySelector('.side') ?? document.createElement('div'));
  draw(state);
}

function buildScales(state, scales) {
  state.root.querySelector('.scales').replaceChildren(
    ...scales.map(({ low, high, unit, colours }) => {
      const scale = document.createElement('span');
      scale.className = 'scale';
      const ramp = document.createElement('i');
      ramp.style.background = `linear-gradient(90deg, ${colours.join(',')})`;
      scale.append(low, ramp, `${high} ${unit}`);
      return scale;
    }),
  );
}

// The film after window and inversion, once for all panes, at its own resolution.
function grade(state) {
  if (!state.film) return;
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [state.film.naturalWidth, state.film.naturalHeight];
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(state.film, 0, 0);
  const { low, high } = state.window;
  if (low > 0 || high < 255 || state.invert) {
    const image = context.getImageData(0, 0, canvas.width, canvas.height);
    const table = new Uint8ClampedArray(256);
    for (let grey = 0; grey < 256; grey++) {
      const value = (255 * (grey - low)) / Math.max(high - low, 1);
      table[grey] = state.invert ? 255 - Math.min(Math.max(value, 0), 255) : value;
    }
    const pixels = image.data;
    for (let i = 0; i < pixels.length; i += 4) {
      pixels[i] = pixels[i + 1] = pixels[i + 2] = table[pixels[i]];
    }
    context.putImageData(image, 0, 0);
  }
  state.graded = canvas;
  for (const [name, value] of Object.entries(state.window)) {
    state.root.querySelector(`input[name="${name}"]`).value = value;
  }
  state.root.querySelector('[data-act="invert"]').setAttribute('aria-pressed', state.invert);
}

function setWindow(state, end, value) {
  const { low, high } = state.window;
  if (end === 'low') state.window.low = Math.min(value, high - 1);
  else state.window.high = Math.max(value, low + 1);
  grade(state);
  draw(state);
}

function fitScale(state, { canvas }) {
  const box = canvas.getBoundingClientRect();
  return Math.min(box.width / state.graded.width, box.height / state.graded.height);
}

function draw(state) {
  if (!state.graded || state.waiting) return;
  state.waiting = true;
  requestAnimationFrame(() => {
    state.waiting = false;
    if (!state.graded) return; // another film is on its way
    state.panes.forEach((pane) => drawPane(state, pane));
    const main = state.panes[state.main];
    const percent = Math.round(100 * fitScale(state, main) * state.view.zoom);
    const { low, high } = state.window;
    state.root.querySelector('.readout').textContent =
      `${percent} % · window ${high - low}, level ${Math.round((low + high) / 2)}`;
    state.root.querySelector('.readout').title = `${state.graded.width} × ${state.graded.height} pixels`;
  });
}

function drawPane(state, pane) {
  const { canvas, index } = pane;
  const box = canvas.getBoundingClientRect();
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(box.width * ratio);
  canvas.height = Math.round(box.height * ratio);
  const context = canvas.getContext('2d');
  const scale = fitScale(state, pane) * state.view.zoom * ratio;
  const { width, height } = state.graded;
  context.translate(canvas.width / 2, canvas.height / 2);
  context.scale(scale, scale);
  context.translate(-width / 2 - state.view.x, -height / 2 - state.view.y);
  context.imageSmoothingEnabled = scale < 3 * ratio;
  context.imageSmoothingQuality = 'high';
  context.drawImage(state.graded, 0, 0);
  const heat = state.heats[index];
  if (heat) {
    context.imageSmoothingEnabled = true;
    context.globalAlpha = state.opacity;
    context.drawImage(heat, 0, 0, width, height);
  }
  if (state.outlined && state.lungs) {
    context.globalAlpha = 1;
    context.imageSmoothingEnabled = true;
    context.drawImage(state.lungs, 0, 0, width, height);
  }
}

function listen(state, canvas) {
  canvas.onwheel = (event) => {
    event.preventDefault();
    zoomAt(state, canvas, event, Math.exp(-event.deltaY / 400));
  };
  canvas.ondblclick = state.actions.fit;
  canvas.oncontextmenu = (event) => event.preventDefault();
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    const windowing = event.button === 2 || event.shiftKey;
    let last = event;
    canvas.onpointermove = (next) => {
      const [dx, dy] = [next.clientX - last.clientX, next.clientY - last.clientY];
      last = next;
      if (windowing) moveWindow(state, dx, dy);
      else pan(state, canvas, dx, dy);
    };
    canvas.onpointerup = canvas.onpointercancel = () => { canvas.onpointermove = null; };
  };
}

function pan(state, canvas, dx, dy) {
  if (!state.graded) return;
  const scale = fitScale(state, { canvas }) * state.view.zoom;
  state.view.x -= dx / scale;
  state.view.y -= dy / scale;
  draw(state);
}

function zoomAt(state, canvas, event, factor) {
  if (!state.graded) return;
  const box = canvas.getBoundingClientRect();
  const before = fitScale(state, { canvas }) * state.view.zoom;
  state.view.zoom = Math.min(Math.max(state.view.zoom * factor, 0.5), 40);
  const after = fitScale(state, { canvas }) * state.view.zoom;
  const [x, y] = [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2];
  state.view.x += x / before - x / after;
  state.view.y += y / before - y / after;
  draw(state);
}

// As on a reading station: sideways for width, up and down for level.
function moveWindow(state, dx, dy) {
  const width = Math.min(Math.max(state.window.high - state.window.low + dx, 2), 255);
  const level = (state.window.high + state.window.low) / 2 + dy / 2;
  const low = Math.round(Math.min(Math.max(level - width / 2, 0), 255 - width));
  state.window = { low, high: low + Math.round(width) };
  grade(state);
  draw(state);
}
