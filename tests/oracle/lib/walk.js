// A program (function body) that lists every name reachable from a realm's intrinsics. Runs in any engine; returns
// {globals: [name], properties: {'Array.prototype': [name]}}, symbols as @@iterator, all sorted. Objects that have no
// name of their own get one in percent signs.
const getPrototypeOf = Object.getPrototypeOf
const ownKeys = Reflect.ownKeys
const getOwnPropertyDescriptor = Object.getOwnPropertyDescriptor
const text = (key) => typeof key === 'symbol' ? key.description.replace(/^Symbol\./, '@@') : key
const seen = new Map()
const queue = []
const add = (name, value) => {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function') || seen.has(value)) return
  seen.set(value, name)
  queue.push(value)
}
const globals = ownKeys(globalThis).map(text).filter((name) => !/^__internal__/.test(name)).sort()
seen.set(globalThis, 'globalThis')
const standard = ownKeys(globalThis).filter((name) => typeof name === 'string' && !/^__internal__/.test(name)).sort()
for (const name of standard) {
  const d = getOwnPropertyDescriptor(globalThis, name)
  if (name !== 'global' && name !== 'globalThis') add(name, d.value)
}
const prototypeOfIterator = getPrototypeOf(getPrototypeOf([].values()))
add('Object', {}.constructor)
add('Function', (() => {}).constructor)
add('%TypedArray%', getPrototypeOf(Uint8Array))
add('%IteratorPrototype%', prototypeOfIterator)
add('%ArrayIteratorPrototype%', getPrototypeOf([].values()))
add('%StringIteratorPrototype%', getPrototypeOf(''[Symbol.iterator]()))
add('%MapIteratorPrototype%', getPrototypeOf(new Map().values()))
add('%SetIteratorPrototype%', getPrototypeOf(new Set().values()))
add('%RegExpStringIteratorPrototype%', getPrototypeOf('x'.matchAll(/x/g)))
add('%GeneratorFunction%', (function * () {}).constructor)
add('%AsyncFunction%', (async () => {}).constructor)
add('%AsyncGeneratorFunction%', (async function * () {}).constructor)
add('%AsyncIteratorPrototype%', getPrototypeOf(getPrototypeOf((async function * () {}).prototype)))
const properties = {}
for (let i = 0; i < queue.length; i++) {
  const object = queue[i]
  const path = seen.get(object)
  const keys = ownKeys(object)
  properties[path] = keys.map(text).sort()
  for (const key of keys) {
    const d = getOwnPropertyDescriptor(object, key)
    if (d.value && typeof d.value === 'object') add(path + '.' + text(key), d.value)
    if (key === 'prototype') add(path + '.prototype', d.value)
    if (typeof d.value === 'function') {
      const plain = ownKeys(d.value).filter((k) => k !== 'length' && k !== 'name').length === 0
      if (!plain) add(path + '.' + text(key), d.value)
    }
  }
  const parent = getPrototypeOf(object)
  if (parent && !seen.has(parent)) add(`%prototype of ${path}%`, parent)
}
const sorted = {}
for (const path of Object.keys(properties).sort()) sorted[path] = properties[path]
return { globals, properties: sorted }
