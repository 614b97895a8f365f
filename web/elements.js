// How the parts of a board are made. Everything that is shown goes in by textContent.

/** An element with a class and a text, or with children. */
export function made(name, className = "", content = []) {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (typeof content === "string") element.textContent = content;
  else element.append(...content);
  return element;
}

/** A copy of what a template holds. */
export function clone(template) {
  return document.getElementById(template).content.cloneNode(true).firstElementChild;
}

/** A table with a caption, heads, and rows of texts or of elements. */
export function table(caption, heads, rows) {
  const whole = document.createElement("table");
  whole.createCaption().textContent = caption;
  const head = whole.createTHead().insertRow();
  for (const text of heads) {
    const cell = made("th", "", text);
    cell.scope = "col";
    head.append(cell);
  }
  const body = whole.createTBody();
  for (const cells of rows) {
    const row = body.insertRow();
    cells.forEach((content, index) => {
      const cell = row.insertCell();
      // On a narrow screen a row becomes a block, and each cell says what it is.
      cell.dataset.head = heads[index];
      cell.append(content instanceof Node ? content : String(content ?? "–"));
    });
  }
  return whole;
}

/** A way to ask where a number comes from, which the board answers. What is seen is a part of what is heard. */
export function whyButton(metric, name) {
  const button = made("button", "why", "why?");
  button.type = "button";
  button.dataset.ask = metric;
  button.setAttribute("aria-label", `Why? ${name}`);
  return button;
}

/** A heading with a number below it that can be asked; without a metric there is none. */
export function asked(heading, metric, name = heading) {
  return made("h3", "", metric ? [`${heading} `, whyButton(metric, name)] : heading);
}

/** Puts children into an element, unless what is there is the same: what did not change is not touched. */
export function fill(element, children) {
  const there = [...element.childNodes];
  if (there.length === children.length && children.every((child, index) => child.isEqualNode(there[index]))) return;
  element.replaceChildren(...children);
}
