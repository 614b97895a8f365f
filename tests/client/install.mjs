// Installs the package as npm would, so that what it imports is found where somebody who uses it has that.

import { cp, rm } from "node:fs/promises";

const installed = new URL("node_modules/boardcast-client/", import.meta.url);
await rm(installed, { recursive: true, force: true });
await cp(new URL("../../client/", import.meta.url), installed, { recursive: true });
