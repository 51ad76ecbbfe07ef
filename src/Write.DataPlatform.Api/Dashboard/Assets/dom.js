// Elements in a few words. Text is always text: nothing here reads HTML.
const flat = children => [children].flat(9).filter(c => c !== null && c !== undefined && c !== false && c !== '');

const set = (node, attributes, children) => {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (name === 'value' || name === 'checked' || name === 'selected') node[name] = value;
    else node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...flat(children));
  return node;
};

export const h = (tag, attributes, ...children) => set(document.createElement(tag), attributes, children);
export const s = (tag, attributes, ...children) => set(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);

/** Says something to those who listen instead of looking. */
export const say = text => { document.getElementById('said').textContent = text; };

export const field = (label, control) => h('label', { class: 'field' }, h('span', null, label), control);

/** A select of [value, text] pairs. */
export const choice = (label, options, value, onchange) => field(label, h('select', { onchange: e => onchange(e.target.value) },
  options.map(([v, text]) => h('option', { value: v, selected: v === value }, text))));

export const button = (text, onclick, more) => h('button', { type: 'button', onclick, ...more }, text);

/** A row of buttons of which one is on. */
export const tabs = (label, options, value, onchange) => h('div', { class: 'tabs', role: 'group', 'aria-label': label },
  options.map(([v, text]) => button(text, () => onchange(v), { 'aria-pressed': String(v === value) })));

export const download = (blob, name) => {
  const link = h('a', { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
};

/** Fills a place with what a promise brings; meanwhile and after a failure it says so. What was asked for later wins. */
export async function fill(place, work, signal) {
  place.setAttribute('aria-busy', 'true');
  if (!place.hasChildNodes()) place.append(h('div', { class: 'state loading' }, 'Loading …'));
  try {
    const made = await work();
    if (!signal?.aborted) place.replaceChildren(...flat(made));
  } catch (error) {
    if (signal?.aborted || error.name === 'AbortError') return;
    place.replaceChildren(h('div', { class: 'state error', role: 'alert' }, h('strong', null, error.title ?? 'This did not work.'), (error.lines ?? [error.message]).map(l => h('p', null, l)),
      button('Try again', () => { place.replaceChildren(); fill(place, work, signal); })));
  } finally {
    if (!signal?.aborted) place.removeAttribute('aria-busy');
  }
}
