// The worklist's rows, and the keyboard that works through them. Python decides what comes next:
// only it knows the order of all films.

const KEYS = {
  arrowdown: { kind: 'step', by: 1 }, j: { kind: 'step', by: 1 },
  arrowup: { kind: 'step', by: -1 }, k: { kind: 'step', by: -1 },
  r: { kind: 'review' },
  p: { kind: 'call', call: 'positive' }, n: { kind: 'call', call: 'negative' }, u: { kind: 'call', call: 'unsure' },
};

const listeners = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const list = parentElement.querySelector('.list');
  const scrolled = list.scrollTop;
  const act = (action) => setTriggerValue('act', action);
  list.replaceChildren(...data.rows.map((row) => buildRow(row, act, list)), ...buildMore(data, act));
  list.scrollTop = scrolled;
  reveal(list, list.querySelector('.selected'));

  document.removeEventListener('keydown', listeners.get(parentElement));
  const onKey = (event) => {
    const target = event.composedPath()[0];
    const typing = target instanceof Element && target.closest('input, textarea, select, [contenteditable], [role="slider"], [role="dialog"]');
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const action = KEYS[event.key.toLowerCase()];
    if (action) { event.preventDefault(); act(action); }
  };
  listeners.set(parentElement, onKey);
  document.addEventListener('keydown', onKey);
  return () => document.removeEventListener('keydown', onKey);
}

// Scrolls the list alone: scrollIntoView would move the page as well.
function reveal(list, row) {
  if (!row) return;
  const [top, bottom] = [row.offsetTop - list.offsetTop, row.offsetTop - list.offsetTop + row.offsetHeight];
  if (top < list.scrollTop) list.scrollTop = top;
  if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight;
}

function element(tag, className, text = '') {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text; // names come from files: never as HTML
  return node;
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
  const picture = element('img', '');
  picture.src = row.thumbnail;
  picture.alt = '';
  const body = element('div', 'body');
  const name = element('div', 'name');
  name.append(element('b', '', row.name), ...row.marks.map((mark) => element('span', '', mark)));
  body.append(name, ...row.findings.map(buildFinding));
  if (row.note) body.append(element('div', 'quiet', row.note));
  node.append(picture, body);
  return node;
}

function buildFinding({ probability, threshold, outcome, words, percent }) {
  const node = element('div', 'finding');
  const track = element('div', `track ${outcome.split(' ').at(-1)}`);
  const fill = element('i', '');
  fill.style.width = `${100 * probability}%`;
  const tick = element('u', '');
  tick.style.left = `${100 * threshold}%`;
  track.append(fill, tick);
  node.append(track, element('span', '', percent), element('span', 'said', words));
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
