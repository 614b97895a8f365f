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

/**
 * The attributes of a button that asks where a number comes from, as of another `moment` by `day=`, `sprint=` or `since=`; its
 * `text` may be the number itself. What is seen is a part of what is heard.
 */
export function asking(metric, name, { text = "", team = "", moment = "" } = {}) {
  const label = `${text && `${text}. `}Why? ${name}${team && ` of ${team}`}`;
  return { type: "button", class: text ? "asked" : "why", "data-ask": metric, "data-name": name, "data-moment": moment, "aria-label": label };
}

export function whyButton(metric, name, more = {}) {
  const button = made("button", "", more.text ?? "why?");
  for (const [attribute, value] of Object.entries(asking(metric, name, more))) button.setAttribute(attribute, value);
  return button;
}

/** A heading with a number below it that can be asked; without a metric there is none. */
export function asked(heading, metric, { team }, name = heading) {
  return made("h3", "", metric ? [`${heading} `, whyButton(metric, name, { team: team?.name })] : heading);
}

/** Puts children into an element: what is there and did not change is not touched. */
export function fill(element, children) {
  const there = [...element.childNodes];
  children.forEach((child, index) => {
    const before = there[index];
    if (before?.isEqualNode(child)) return;
    // Whoever stands on a number that moves still does.
    if (["asked", "why"].includes(before?.className) && before.className === child.className) for (const { name, value } of child.attributes) before.setAttribute(name, value);
    if (before?.cloneNode().isEqualNode(child.cloneNode())) fill(before, [...child.childNodes]);
    else if (before) before.replaceWith(child);
    else element.append(child);
  });
  for (const rest of there.slice(children.length)) rest.remove();
}
