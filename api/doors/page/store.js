// What this gate keeps in the browser: its settings, the snapshot of its event, and scans that the server does not have yet.
// Each is one IndexedDB store, so that closing the page, or the battery, loses nothing.

const NAME = "onsale-doors";
const STORES = { settings: {}, snapshots: {}, etickets: {}, queue: { autoIncrement: true } };

let opening;

const open = () =>
  (opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      for (const [name, options] of Object.entries(STORES)) request.result.createObjectStore(name, options);
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  }));

// Runs `act` on a store, and waits until the disk has it.
const within = async (name, mode, act) => {
  const database = await open();
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(name, mode, { durability: "strict" });
    const request = act(transaction.objectStore(name));
    transaction.oncomplete = () => resolve(request?.result);
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
};

export const readSetting = (name) => within("settings", "readonly", (store) => store.get(name));
export const keepSetting = (name, value) => within("settings", "readwrite", (store) => store.put(value, name));

export const readSnapshot = (event) => within("snapshots", "readonly", (store) => store.get(event));
export const keepSnapshot = (event, snapshot) => within("snapshots", "readwrite", (store) => store.put(snapshot, event));

export const readEticket = (serial) => within("etickets", "readonly", (store) => store.get(serial));
export const keepEtickets = (rows) =>
  within("etickets", "readwrite", (store) => {
    for (const row of rows) store.put(row, row[0]);
  });

// Scans to send: {key, event, scan}..., the oldest first.
export const enqueue = (event, scan) => within("queue", "readwrite", (store) => store.add({ event, scan }));
export const countQueue = () => within("queue", "readonly", (store) => store.count());
export const readQueue = async (most) => {
  const database = await open();
  return new Promise((resolve, reject) => {
    const found = [];
    const request = database.transaction("queue").objectStore("queue").openCursor();
    request.onsuccess = () => {
      const cursor = request.result;
      if (!cursor || found.length === most) return resolve(found);
      found.push({ key: cursor.key, ...cursor.value });
      cursor.continue();
    };
    request.onerror = () => reject(request.error);
  });
};
export const dequeue = (keys) =>
  within("queue", "readwrite", (store) => {
    for (const key of keys) store.delete(key);
  });
