// Azurite's Table service, for as long as whoever started it lives: it ends with its standard input, so that a test
// run that is killed leaves nothing behind. The options are Azurite's.
'use strict';

process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
require('azurite/dist/src/table/main');
