// What the list and the viewer share: nodes of plain text, and keys with the table that explains them.

function element(tag, className = '', text = '') {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text; // names come from files: never as HTML
  return node;
}

function keyRow(key, what) {
  const row = element('tr');
  row.append(element('td', '', key), element('td', '', what));
  return row;
}

// A slider has the arrows for itself and leaves the letters; a text field has all keys, and so has
// what else is named.
function typing(event, also = '[role="dialog"]') {
  const target = event.composedPath()[0];
  if (!(target instanceof Element)) return false;
  if (target.matches('input[type="range"], [role="slider"]')) return event.key.startsWith('Arrow');
  return target.closest(`input, textarea, select, [contenteditable], ${also}`) !== null;
}
