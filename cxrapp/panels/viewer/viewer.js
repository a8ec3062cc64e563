// A film and its maps, side by side or one over the other: every pane shows the same part, zoomed
// and turned alike. All of this happens in the browser; Python only hears which films it lacks.

// A page has one viewer. What the reader has set outlasts a change of film, and of page.
const state = {
  root: null, data: null, film: null, panes: [], view: { ...UPRIGHT }, main: 0, overlay: false, beside: false,
  tool: 'move', preset: 'screened', own: null, invert: false, opacity: 0.55, outlined: false,
  rulers: new Map(), images: new Map(), glass: null, pointed: null, measured: '',
};
const loading = new Set(); // ids of films on their way
const PICTURES = 80; // maps held; each is small
const RANGES = { whole: 'Whole range', dark: 'Lungs (darker part)', bright: 'Bones, mediastinum (brighter part)' };
const LEFT_SECONDS = 8; // the reader asked for another film, and none has come

export default function ({ data, parentElement, setTriggerValue }) {
  const mount = new AbortController();
  const root = parentElement.querySelector('.viewer');
  if (root !== state.root) setUp(root);
  state.lack = (id) => setTriggerValue('lacking', id);
  const { signal } = mount;
  document.addEventListener('keydown', onKey, { capture: true, signal }); // before the list has them
  document.addEventListener('cxrapp:film', follow, { signal });
  const resized = new ResizeObserver(() => draw(state));
  resized.observe(root.querySelector('.stage'));
  signal.addEventListener('abort', () => resized.disconnect());
  show(data);
  return () => mount.abort();
}

const part = (selector) => state.root.querySelector(selector);
const isFull = () => state.root.classList.contains('full') || state.root.matches(':fullscreen');
const mainPane = () => state.panes[0];

const setView = (change) => () => { if (state.film) { change(state.view); draw(state); } };
const toggle = (name) => () => { state[name] = !state[name]; arrange(); };
const zoomBy = (factor) => setView((view) => {
  const box = boxOf(mainPane());
  zoomAt(view, state.film, box, { x: box.width / 2, y: box.height / 2 }, factor);
});
const pan = (dx, dy) => setView((view) => panBy(view, state.film, boxOf(mainPane()), dx, dy));
const step = (key) => () => document.dispatchEvent(new KeyboardEvent('keydown', { key })); // the list's
const fade = (by) => () => { state.opacity = Math.min(Math.max(state.opacity + by, 0), 1); press(); draw(state); };

const ACTIONS = {
  full: toggleFull,
  fit: setView((view) => Object.assign(view, UPRIGHT)),
  actual: () => {
    if (state.film) zoomBy(1 / (fitScale(state.view, state.film, boxOf(mainPane())) * state.view.zoom * (window.devicePixelRatio || 1)))();
  },
  in: zoomBy(1.25), out: zoomBy(0.8),
  right: pan(-60, 0), left: pan(60, 0), down: pan(0, -60), up: pan(0, 60),
  flip: setView((view) => { view.flip = !view.flip; view.x = -view.x; press(); }),
  turn: setView((view) => { turn(view); [view.x, view.y] = [-view.y, view.x]; clampView(view, state.film, boxOf(mainPane())); }),
  invert: () => { state.invert = !state.invert; press(); draw(state); },
  preset: () => {
    const names = [...part('select').options].map(({ value }) => value).filter((name) => name !== 'own');
    choosePreset(names[(names.indexOf(state.preset) + 1) % names.length]);
  },
  lungs: () => { state.outlined = !state.outlined; press(); draw(state); },
  map: () => choose(state.main ? 0 : state.data.preferred),
  overlay: () => { state.overlay = !state.overlay; state.main = state.overlay ? state.data.preferred : 0; arrange(); },
  fainter: fade(-0.1), stronger: fade(0.1),
  prior: () => { if (state.data.prior) toggle('beside')(); },
  clear: () => { if (state.film) { state.rulers.get(state.film.id)?.pop(); draw(state); } },
  previous: step('ArrowUp'), next: step('ArrowDown'),
  help: () => { if (!part('dialog').open) part('dialog').showModal(); },
};
for (const tool of Object.keys(TOOLS)) ACTIONS[tool] = () => { state.tool = tool; state.glass = null; press(); draw(state); };

function setUp(root) {
  state.root = root;
  state.panes = [];
  state.drawn = state.keys = null;
  for (const button of root.querySelectorAll('button[data-act], button[data-tool]')) {
    button.onclick = () => ACTIONS[button.dataset.act ?? button.dataset.tool]();
  }
  for (const button of root.querySelectorAll('button[data-tool]')) button.setAttribute('role', 'radio');
  part('[name="opacity"]').oninput = (event) => { state.opacity = event.target.value / 100; draw(state); };
  part('select').onchange = (event) => choosePreset(event.target.value);
  const [width, level] = ['width', 'level'].map((name) => part(`[name="${name}"]`));
  width.onchange = level.onchange = () => { if (state.film) setWindow(+width.value, +level.value); };
}

function setUpKeys(keys) {
  state.keys = new Map(keys.map(([key, act]) => [key, act]));
  for (const [key, act, words] of keys) {
    const button = part(`[data-act="${act}"], [data-tool="${act}"]`);
    if (button) button.title = `${words} (${keyWords(key)})`;
  }
  part('table').replaceChildren(...keys.map(([key, , words]) => keyRow(keyWords(key), words)));
}

// As it stands on a keyboard: Shift →, Delete, F.
function keyWords(key) {
  const arrows = { arrowright: '→', arrowleft: '←', arrowup: '↑', arrowdown: '↓' };
  return key.split(' ').map((word) => arrows[word] ?? word[0].toUpperCase() + word.slice(1)).join(' ');
}


function onKey(event) {
  // A dialog has all keys until it closes: its button keeps the focus up to the next frame.
  if (typing(event, '[role="dialog"], dialog[open]') || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === 'Escape') state.root.classList.remove('full');
  const key = event.shiftKey && event.key.startsWith('Arrow') ? `shift ${event.key}` : event.key;
  const act = state.keys.get(key.toLowerCase());
  if (!act || (act === 'help' && !isFull())) return; // elsewhere the list shows its keys as well
  event.preventDefault();
  event.stopPropagation();
  ACTIONS[act]();
}


function show(data) {
  const other = data.film.id !== state.data?.film.id;
  const [asked, before] = [data.preferred, state.data?.preferred];
  state.data = data;
  if (!state.keys) setUpKeys(data.keys);
  if (other) {
    state.view = { ...UPRIGHT };
    state.film = state.pointed = state.glass = null;
    state.measured = '';
    if (!(state.preset in RANGES)) state.preset = 'screened'; // what was set by hand was for that film
  }
  if (state.main >= data.panes.length) state.main = 0;
  if (state.overlay && (state.main || other) && asked !== before) state.main = asked;
  for (const { heat } of data.panes) loadPicture(heat);
  loadPicture(data.lungs);
  load(data.film);
  arrange();
  follow();
}

// A film's pixels come along once; if they got lost, or were let go to save memory, they are asked for.
function load(one) {
  if (takeFilm(one.id)) {
    arrive();
    return;
  }
  if (loading.has(one.id)) return;
  if (!one.pixels) {
    state.lack(one.id);
    return;
  }
  loading.add(one.id);
  keepFilm(one.id, one.pixels).then(arrive).finally(() => loading.delete(one.id));
}

function arrive() {
  state.film = takeFilm(state.data.film.id) ?? null;
  if (state.film && state.film.id !== part('select').dataset.film) showPresets();
  press();
  draw(state);
}

function loadPicture(url) {
  if (!url || state.images.has(url)) return;
  const image = new Image();
  image.onload = () => {
    state.images.set(url, image);
    if (state.images.size > PICTURES) state.images.delete(state.images.keys().next().value);
    draw(state);
  };
  image.src = url;
}

// Which film the list is at, it says on the document. Its name stands there already: until this
// film's own picture is here, none is shown.
function follow() {
  const wanted = document.documentElement.dataset.film;
  clearTimeout(state.returning);
  part('.stage').classList.toggle('left', wanted !== undefined && wanted !== state.data.film.key);
  if (wanted === '') {
    state.returning = setTimeout(() => part('.stage').classList.remove('left'), 1000 * LEFT_SECONDS);
  }
}

function arrange() {
  const { panes, prior } = state.data;
  const pair = state.beside && prior;
  if (pair) load(prior);
  const shown = JSON.stringify([panes.map(({ title }) => title), state.main, state.overlay, pair?.title]);
  if (shown !== state.drawn) {
    state.drawn = shown;
    const single = pair || state.overlay;
    const others = single ? [] : panes.map((_, index) => index).filter((index) => index !== state.main);
    state.panes = [state.main, ...others].map((index) => buildPane(index, single ? panes.map((_, n) => n) : [index]));
    if (pair) state.panes.push(buildPane(0, [], prior));
    const [main, ...rest] = state.panes.map(({ node }) => node);
    main.append(element('div', 'readout'));
    const side = element('div', `side${rest.length > 3 ? ' two' : ''}`);
    side.append(...rest);
    const kind = pair ? 'pair' : rest.length > 3 ? 'many' : rest.length ? '' : 'alone';
    part('.stage').className = `stage ${kind}`;
    part('.stage').replaceChildren(main, ...(rest.length ? [side] : []));
    follow();
  }
  for (const { note, index, prior: one } of state.panes) note.textContent = (one ?? panes[index]).note;
  buildScales(state.data.scales);
  press();
  draw(state);
}

function buildPane(index, heads, prior = null) {
  const node = element('div', 'pane');
  const [canvas, head, note, turned] = ['canvas', 'div', 'div', 'div'].map((tag) => element(tag));
  [head.className, note.className, turned.className] = ['heads', 'note', 'turned'];
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', (prior ?? state.data.panes[index]).title);
  head.append(...heads.map((other) => {
    const button = element('button', 'title', state.data.panes[other].title);
    button.title = 'Show large';
    button.setAttribute('aria-pressed', heads.length > 1 && other === index);
    button.onclick = () => choose(other);
    return button;
  }));
  if (prior) head.append(element('span', 'title', prior.title));
  node.append(canvas, head, note, turned);
  const pane = { node, canvas, index, note, turned, prior };
  listen(state, pane);
  return pane;
}

function choose(index) {
  if (index >= state.data.panes.length) return;
  state.main = index;
  arrange();
}

function filmOf(pane) {
  return takeFilm((pane.prior ?? state.data.film).id) ?? null;
}

function buildScales(scales) {
  part('.scales').replaceChildren(
    ...scales.map(({ low, high, unit, colours }) => {
      const scale = element('span', 'scale');
      const ramp = element('i');
      ramp.style.background = `linear-gradient(90deg, ${colours.join(',')})`;
      scale.append(low, ramp, `${high} ${unit}`);
      return scale;
    }),
  );
}

function showPresets() {
  const files = state.film.units.windows.map(([name], n) => [`file ${n}`, name || `Window ${n + 1} of the file`]);
  const all = [['screened', 'As screened'], ...files, ...Object.entries(RANGES), ['own', 'Your own']];
  part('select').replaceChildren(...all.map(([value, words]) => new Option(words, value)));
  part('option[value="own"]').hidden = true;
  const { width, height, spacing, range: { whole } } = state.film;
  part('.window').title = `${width} × ${height} pixels, values ${numberWords(whole.low)} to ${numberWords(whole.high)}`;
  part('[data-tool="ruler"]').title = spacing
    ? 'Drag to measure, in mm by the spacing that the file states: that of the detector unless it was calibrated (D)'
    : 'Drag to measure, in pixels: the file states no spacing (D)';
  part('select').dataset.film = state.film.id;
}

function choosePreset(name) {
  state.preset = name;
  press();
  draw(state);
}

// The window over a film; none is the film as it was screened. One set by hand, or proposed by the
// film's file, is for that film alone.
function windowOf(film) {
  if (state.preset in RANGES) return film.range[state.preset];
  if (film.id !== state.film?.id || state.preset === 'screened') return null;
  if (state.preset === 'own') return state.own;
  const [, low, high] = film.units.windows[+state.preset.split(' ')[1]];
  return { low, high };
}

function tableOf(film) {
  const window = windowOf(film);
  const key = JSON.stringify([window, state.invert]);
  if (film.tableKey !== key) [film.tableKey, film.table] = [key, buildTable(film, window, state.invert)];
  return film.table;
}

// Width and level as stations show them: a width counts both ends (PS3.3 C.11.2.1.2).
function currentWindow() {
  const { low, high } = windowOf(state.film) ?? state.film.range.screened;
  const { step } = state.film.units;
  return { width: high - low + step, level: (low + high + step) / 2 };
}

function setWindow(width, level) {
  if (!Number.isFinite(width) || !Number.isFinite(level)) return;
  const { slope, step } = state.film.units;
  const span = Math.max(width - step, Math.abs(slope) || 1);
  const low = level - step / 2 - span / 2;
  state.own = { low, high: low + span };
  choosePreset('own');
}

// What every control shows.
function press() {
  const { data } = state;
  const pressed = { invert: state.invert, flip: state.view.flip, lungs: state.outlined, overlay: state.overlay, prior: state.beside && !!data.prior };
  for (const [act, on] of Object.entries(pressed)) part(`[data-act="${act}"]`).setAttribute('aria-pressed', on);
  const idle = { lungs: !data.lungs, overlay: data.panes.length < 2, prior: !data.prior };
  for (const [act, off] of Object.entries(idle)) part(`[data-act="${act}"]`).disabled = off;
  for (const button of state.root.querySelectorAll('[data-tool]')) {
    if (button.localName === 'button') button.setAttribute('aria-checked', button.dataset.tool === state.tool);
  }
  for (const { canvas } of state.panes) canvas.dataset.tool = state.tool;
  part('.fader').hidden = data.panes.length < 2;
  part('[name="opacity"]').value = Math.round(100 * state.opacity);
  if (!state.film) return;
  part('select').value = state.preset;
  const { width, level } = currentWindow();
  part('[name="width"]').value = numberWords(width);
  part('[name="level"]').value = numberWords(level);
  part('.unit').textContent = state.film.units.unit;
}

// As fine as the film's own steps.
function numberWords(value) {
  const slope = Math.abs(state.film.units.slope) || 1;
  return value.toFixed(Math.min(Math.max(Math.ceil(-Math.log10(slope)), 0), 4));
}

function describe() {
  const { film, view, pointed } = state;
  const turned = describeTurn(view);
  for (const pane of state.panes) pane.turned.textContent = turned;
  part('.measured').textContent = state.measured;
  const readout = part('.readout');
  readout.textContent = '';
  if (!film) return;
  const words = [`Zoom ${Math.round(100 * fitScale(view, film, boxOf(mainPane())) * view.zoom)} %`];
  const { film: on, x, y } = pointed ?? {};
  if (pointed && x >= 0 && y >= 0 && x < on.width && y < on.height) {
    const value = valueAt(on, x, y);
    const own = value === null ? 'no film' : `${numberWords(value)} ${on.units.unit}`.trim();
    words.push(`${Math.floor(x)}, ${Math.floor(y)}: ${own}`);
  }
  readout.textContent = words.join(' · ');
}

function toggleFull() {
  if (document.fullscreenElement) document.exitFullscreen();
  else if (state.root.classList.contains('full') || !state.root.requestFullscreen) state.root.classList.toggle('full');
  else state.root.requestFullscreen().catch(() => state.root.classList.add('full'));
}
