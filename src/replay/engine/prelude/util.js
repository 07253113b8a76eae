// The module `util`.
export const genUUID = globalThis.__internal__genUUID
