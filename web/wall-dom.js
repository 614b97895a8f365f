// How the wall makes its elements. Everything that is put on the screen goes in as text.

/** An element with classes and contents: texts, other elements, and nothing where one is `null`. */
export function node(name, classes, ...contents) {
  const made = document.createElement(name);
  if (classes) made.className = classes;
  made.append(...contents.filter((content) => content !== null && content !== ""));
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

/** A sign of simple shapes, for the eye alone. */
export function sign(path) {
  const made = document.createElementNS(SVG, "svg");
  made.setAttribute("viewBox", "0 0 24 24");
  made.setAttribute("aria-hidden", "true");
  const shape = document.createElementNS(SVG, "path");
  shape.setAttribute("d", path);
  made.append(shape);
  return made;
}
