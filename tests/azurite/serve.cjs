// Azurite's Table service, for as long as whoever started it lives: it ends with its standard input, so that a test
// run that is killed leaves nothing behind. The options are Azurite's.
'use strict';

// Azurite writes its data to disk every five seconds. The service has written what it acknowledges, and so has this.
const { default: Store } = require('azurite/dist/src/table/persistence/LokiTableMetadataStore');
if (!process.argv.includes('--inMemoryPersistence')) {
  const writes = ['createTable', 'insertTableEntity', 'insertOrUpdateTableEntity', 'insertOrMergeTableEntity',
    'deleteTableEntity', 'endBatchTransaction'];
  for (const name of writes) {
    const write = Store.prototype[name];
    Store.prototype[name] = async function (...given) {
      const written = await write.apply(this, given);
      await this.saveDBState();
      return written;
    };
  }
}

process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
require('azurite/dist/src/table/main');
