// The worklist's rows, and the keyboard that works through them. Python decides what comes next:
// only it knows the order of all films.

const KEYS = {
  arrowdown: { kind: 'step', by: 1 }, j: { kind: 'step', by: 1 },
  arrowup: { kind: 'step', by: -1 }, k: { kind: 'step', by: -1 },
  r: { kind: 'review' },
  p: { kind: 'call', call: 'positive' }, n: { kind: 'call', call: 'negative' }, u: { kind: 'call', call: 'unsure' },
};

const SIZE = 'cxrapp picture size'; // in the browser's own memory: it says nothing of any film

const PATIENCE = 8000; // ms
const SENT = 20; // actions sent along, so that quick ones are not lost between two drawings

const states = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  const list = parentElement.querySelector('.list');
  setUpFoot(parentElement, list, data.keys);
  const scrolled = list.scrollTop;
  const state = states.get(parentElement) ?? { actions: [], onKey: null };
  states.set(parentElement, state);
  const film = data.rows.find((row) => row.selected)?.key;
  const act = (action) => {
    const number = Math.max(Date.now(), (state.actions.at(-1)?.number ?? 0) + 1);
    state.actions = [...state.actions, { ...action, number, film }].slice(-SENT);
    if (leaves(data, film, action)) announce('');
    setStateValue('actions', state.actions);
    watch(state);
  };
  announce(film);
  clearTimeout(state.watch);
  if (data.working) watch(state);
  list.replaceChildren(...data.rows.map((row) => buildRow(row, act, list)), ...buildMore(data, act));
  list.scrollTop = scrolled;
  reveal(list, list.querySelector('.selected'));

  document.removeEventListener('keydown', state.onKey);
  state.onKey = (event) => {
    if (typing(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === '?' && !document.fullscreenElement) showKeys(parentElement, data.keys);
    const action = KEYS[event.key.toLowerCase()];
    if (action) { event.preventDefault(); act(action); }
  };
  document.addEventListener('keydown', state.onKey);
  return () => {
    delete document.documentElement.dataset.film;
    document.removeEventListener('keydown', state.onKey);
    clearTimeout(state.watch);
  };
}

// The viewer shows this film or none, whatever Python draws first: never one film under the name of
// another. Empty while another one was asked for.
function announce(film) {
  document.documentElement.dataset.film = film ?? '';
  document.dispatchEvent(new Event('cxrapp:film'));
}

// The size of the pictures outlasts a reload; the keys are shown by "?" and its button.
function setUpFoot(parent, list, keys) {
  const size = parent.querySelector('.foot input');
  const resize = () => list.style.setProperty('--side', `${size.value}px`);
  size.value = localStorage.getItem(SIZE) ?? size.value;
  size.oninput = () => { localStorage.setItem(SIZE, size.value); resize(); };
  resize();
  parent.querySelector('.help').onclick = () => showKeys(parent, keys);
}

function showKeys(parent, keys) {
  const dialog = parent.querySelector('dialog');
  dialog.querySelector('table').replaceChildren(...keys.map(([key, what]) => keyRow(key, what)));
  if (!dialog.open) dialog.showModal();
}

// Where nothing is drawn for so long, what should draw it was lost: tab.py starts a whole run.
function watch(state) {
  clearTimeout(state.watch);
  state.watch = setTimeout(() => document.dispatchEvent(new Event('cxrapp:stuck')), PATIENCE);
}

function leaves({ rows, before, after }, film, { kind, key, by }) {
  if (kind === 'open') return key !== film;
  if (kind !== 'step') return false;
  const place = rows.findIndex((row) => row.key === film) + by;
  return place < 0 ? before > 0 : place < rows.length || after > 0;
}

// Scrolls the list alone: scrollIntoView would move the page as well.
function reveal(list, row) {
  if (!row) return;
  const [top, bottom] = [row.offsetTop - list.offsetTop, row.offsetTop - list.offsetTop + row.offsetHeight];
  if (top < list.scrollTop) list.scrollTop = top;
  if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight;
}

function buildRow(row, act, list) {
  const node = element('div', `row${row.selected ? ' selected' : ''}${row.grouped ? ' grouped' : ''}`);
  node.setAttribute('role', 'option');
  node.setAttribute('aria-selected', row.selected);
  node.title = row.name;
  node.onclick = () => {
    list.querySelector('.selected')?.classList.remove('selected');
    node.classList.add('selected');
    act({ kind: 'open', key: row.key });
  };
  const picture = element('img');
  picture.src = row.thumbnail;
  picture.alt = '';
  const body = element('div', 'body');
  const name = element('div', 'name');
  name.append(element('b', '', row.name), ...row.marks.map((mark) => element('span', '', mark)));
  body.append(name);
  if (row.facts) body.append(element('div', 'quiet', row.facts));
  if (row.answer) body.append(element('div', `answer ${row.outcome}`, `${row.sign} ${row.answer}`));
  const findings = element('div', 'findings');
  findings.append(...row.findings.map(buildFinding));
  if (row.findings.length) body.append(findings);
  if (row.note) body.append(element('div', 'quiet', row.note));
  node.append(picture, body);
  return node;
}

function buildFinding({ finding, probability, threshold, abstain_from: low, outcome, percent }) {
  const node = element('div', 'finding');
  node.title = `${finding}: ${percent}`;
  const track = element('div', `track ${outcome}`);
  const fill = element('i');
  fill.style.width = `${100 * probability}%`;
  const tick = element('u');
  tick.style.left = `${100 * threshold}%`;
  track.append(fill, tick);
  if (low !== null) {
    const band = element('s');
    [band.style.left, band.style.width] = [`${100 * low}%`, `${100 * (threshold - low)}%`];
    track.append(band);
  }
  node.append(track, element('span', '', percent));
  return node;
}

function buildMore({ before, after }, act) {
  if (!before && !after) return [];
  const node = element('div', 'more');
  for (const [count, by, words] of [[before, -1, 'before'], [after, 1, 'after']]) {
    const button = element('button', '', `${count} more ${words}`);
    button.disabled = !count;
    button.onclick = () => act({ kind: 'page', by });
    node.append(button);
  }
  return [node];
}
