// The module `assert`: bare host functions, taken from the globals when the module is loaded.
const { __internal__assert: check, __internal__assert__deepEqual: deepEqual, __internal__assert__equal: equal, __internal__assert__fail: fail, __internal__assert__notDeepEqual: notDeepEqual, __internal__assert__notEqual: notEqual } = globalThis
export { check as default, check as ok, deepEqual, equal, fail, notDeepEqual, notEqual }
