// Elements as data, and the document brought in line with them: what is as it should be is not touched, so that an
// unchanged drawing costs nothing, does not flicker, and is not read out again.

const NAMESPACES = { svg: "http://www.w3.org/2000/svg", html: "http://www.w3.org/1999/xhtml" };

/** An element of a drawing. A child is an element or a text. */
export function svg(tag, attributes = {}, ...children) {
  return { space: NAMESPACES.svg, tag, attributes, children };
}

/** An element of the page. */
export function html(tag, attributes = {}, ...children) {
  return { space: NAMESPACES.html, tag, attributes, children };
}

/** Makes the children of an element those that are wanted. */
export function patch(parent, wanted) {
  wanted.forEach((node, index) => {
    const there = parent.childNodes[index];
    if (there && isOfTheKind(there, node)) refresh(there, node);
    else if (there) there.replaceWith(make(node));
    else parent.append(make(node));
  });
  while (parent.childNodes.length > wanted.length) parent.lastChild.remove();
}

function isOfTheKind(there, node) {
  if (typeof node === "string") return there.nodeType === Node.TEXT_NODE;
  return there.localName === node.tag && there.namespaceURI === node.space;
}

function make(node) {
  if (typeof node === "string") return document.createTextNode(node);
  const made = document.createElementNS(node.space, node.tag);
  refresh(made, node);
  return made;
}

function refresh(there, node) {
  if (typeof node === "string") {
    if (there.data !== node) there.data = node;
    return;
  }
  for (const { name } of [...there.attributes]) if (!given(node.attributes[name])) there.removeAttribute(name);
  for (const [name, value] of Object.entries(node.attributes)) {
    if (given(value) && there.getAttribute(name) !== String(value)) there.setAttribute(name, value);
  }
  patch(there, node.children);
}

/** `null`, `undefined` and `false` are attributes that are not there. */
function given(value) {
  return value !== null && value !== undefined && value !== false;
}
