// Reads an event stream as the HTML standard interprets it: https://html.spec.whatwg.org/multipage/server-sent-events.html

/**
 * Returns a function that is fed text as it comes. `onMessage(data, id)` is called for each block with data, `onId(id)` for
 * each without that names a position, `onRetry(ms)` for each time to wait before connecting again.
 */
export function parser({ onMessage, onId, onRetry }) {
  let rest = "";
  let data = [];
  let id;
  let isFirst = true;
  let endsInReturn = false;

  const dispatch = () => {
    if (data.length > 0) onMessage(data.join("\n"), id);
    else if (id !== undefined) onId(id);
    data = [];
    id = undefined;
  };

  const take = (line) => {
    if (line === "") return dispatch();
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
    if (name === "data") data.push(value);
    else if (name === "id" && !value.includes("\0")) id = value;
    else if (name === "retry" && /^\d+$/.test(value)) onRetry(Number(value));
  };

  return (text) => {
    if (text === "") return;
    if (isFirst) text = text.replace(/^\uFEFF/, "");
    isFirst = false;
    // A line break of two characters may be cut between them.
    if (endsInReturn && text[0] === "\n") text = text.slice(1);
    endsInReturn = text.endsWith("\r");
    const lines = (rest + text).split(/\r\n|\r|\n/);
    rest = lines.pop();
    lines.forEach(take);
  };
}
