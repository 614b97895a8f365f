// The page's beginning: its address says whether it is a wall. Which is loaded opens the stream, so a wall at night opens none.

import { isWall } from "./wall-options.js";

if (isWall(location.search)) (await import("./wall.js")).startWall();
else await import("./boards-page.js");
