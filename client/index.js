// boardcast-client: the boards of boardcast, live. README.md shows how.

export { connect } from "./client.js";
export { RefusedError } from "./http.js";
export { boardUrl, fromSnapshot, initial, isShown, keyOf, reduce } from "./reducer.js";
export { age, board, boards, burndownLayout, items, loading, metric } from "./selectors.js";
