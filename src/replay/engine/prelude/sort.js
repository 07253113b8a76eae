// Array.prototype.sort and %TypedArray%.prototype.sort with the result *and* the comparator calls of V8.
//
// Why: a comparator that contradicts itself (`(a, b) => a > b`, random, stateful) leaves the order of an array to the
// algorithm. The specification allows any, executors run V8, so we need V8's. The comparator may also count its calls,
// throw, return non-numbers or change the array, so the sequence of calls must be V8's too.
//
// Arrays: TimSort as Tim Peters describes it in CPython's listsort.txt (runs, binary insertion up to the minimal run
// length of 32 to 64, a stack of pending runs, merges that gallop after 7 wins in a row). Typed arrays: V8 uses a plain
// top-down merge sort. Measured equal on Node 15.14 (V8 8.6) to 24.11 (V8 13.6) by tests/oracle/check-sort.js. Node 26.10
// (V8 14.6) sorts fewer than eight elements without looking for a run first: other calls, and with unsound comparators
// other results; equal from eight on.
//
// This file is the body of a function: evaluate it once in a fresh realm, before contract code. It captures the
// intrinsics that it needs, and keeps its own arrays without a prototype, so that patches that a contract makes later
// (setters on Array.prototype too) are neither seen nor triggered.
'use strict'

const call = Reflect.apply
const toObject = Object
const makeTypeError = TypeError
const setPrototypeOf = Object.setPrototypeOf
const typedArrayPrototype = Object.getPrototypeOf(Uint8Array.prototype)
const typedArrayLength = Object.getOwnPropertyDescriptor(typedArrayPrototype, 'length').get
const typedArrayTag = Object.getOwnPropertyDescriptor(typedArrayPrototype, Symbol.toStringTag).get
const nativeTypedArraySort = typedArrayPrototype.sort

const GALLOP_AFTER = 7 // wins in a row
const MAX_LENGTH = 9007199254740991
const BAD_COMPARATOR = 'The comparison function must be either a function or undefined'

const bareArray = () => setPrototypeOf([], null)

// An order is a function of two elements that returns a number, never NaN.
const orderOf = (comparator) => (x, y) => {
  const order = +call(comparator, undefined, [x, y])
  return order !== order ? 0 : order
}

// ToString of both, each time: toString methods of the elements are contract code too.
const stringOrder = (x, y) => {
  const s = `${x}`
  const t = `${y}`
  return s < t ? -1 : t < s ? 1 : 0
}

const copyUp = (from, at, to, target, count) => {
  for (let i = 0; i < count; i++) to[target + i] = from[at + i]
}

const copyDown = (from, at, to, target, count) => {
  for (let i = count - 1; i >= 0; i--) to[target + i] = from[at + i]
}

// Length of the run that begins at `low`: not descending, or strictly descending and then turned round.
const takeRun = (list, low, high, order) => {
  let next = low + 1
  if (next === high) return 1
  const descending = order(list[next], list[low]) < 0
  for (next++; next < high; next++) {
    if (order(list[next], list[next - 1]) < 0 !== descending) break
  }
  if (descending) {
    for (let i = low, j = next - 1; i < j; i++, j--) {
      const held = list[i]
      list[i] = list[j]
      list[j] = held
    }
  }
  return next - low
}

// [low, start) is in order; inserts the elements of [start, high) one after the other.
const insertBinary = (list, low, start, high, order) => {
  for (; start < high; start++) {
    const pivot = list[start]
    let left = low
    let right = start
    while (left < right) {
      const middle = left + ((right - left) >> 1)
      if (order(pivot, list[middle]) < 0) right = middle
      else left = middle + 1
    }
    copyDown(list, left, list, left + 1, start - left)
    list[left] = pivot
  }
}

// How many of the `length` elements from `base` on stay before `key`; equal ones do if `afterEqual`. Looks at `hint`,
// then 1, 3, 7, 15 ... elements away from it on the side where the place must be, then halves what is left.
const gallop = (list, base, length, hint, key, afterEqual, order) => {
  const staysBefore = (i) => afterEqual ? !(order(key, list[base + i]) < 0) : order(list[base + i], key) < 0
  let low // the last index known to stay before the key
  let high // the first one known not to
  let step = 1
  let reached = 0
  if (staysBefore(hint)) {
    const limit = length - hint
    while (step < limit && staysBefore(hint + step)) {
      reached = step
      step = 2 * step + 1
    }
    low = hint + reached
    high = hint + (step < limit ? step : limit)
  } else {
    const limit = hint + 1
    while (step < limit && !staysBefore(hint - step)) {
      reached = step
      step = 2 * step + 1
    }
    low = hint - (step < limit ? step : limit)
    high = hint - reached
  }
  low++
  while (low < high) {
    const middle = low + ((high - low) >> 1)
    if (staysBefore(middle)) low = middle + 1
    else high = middle
  }
  return high
}

// Merges the neighbours A = [baseA, baseA + a) and B = [baseB, baseB + b) from the left; A is set aside. Each of the
// two loops ends when B is used up, or when one element of A remains (which is then known to be the greatest).
const mergeFromLeft = (state, baseA, a, baseB, b) => {
  const { list, spare, order } = state
  copyUp(list, baseA, spare, 0, a)
  let target = baseA
  let nextA = 0
  let nextB = baseB
  let gallopAfter = state.gallopAfter

  list[target++] = list[nextB++]
  b--
  merging: while (b > 0 && a > 1) {
    let winsA = 0
    let winsB = 0
    while (winsA < gallopAfter && winsB < gallopAfter) {
      if (order(list[nextB], spare[nextA]) < 0) {
        list[target++] = list[nextB++]
        winsB++
        winsA = 0
        if (--b === 0) break merging
      } else {
        list[target++] = spare[nextA++]
        winsA++
        winsB = 0
        if (--a === 1) break merging
      }
    }
    gallopAfter++
    do {
      if (gallopAfter > 1) gallopAfter--
      state.gallopAfter = gallopAfter
      winsA = gallop(spare, nextA, a, 0, list[nextB], true, order)
      copyUp(spare, nextA, list, target, winsA)
      target += winsA
      nextA += winsA
      a -= winsA
      // None left can only be seen with a comparator that contradicts itself.
      if (winsA > 0 && a <= 1) break merging
      list[target++] = list[nextB++]
      if (--b === 0) break merging
      winsB = gallop(list, nextB, b, 0, spare[nextA], false, order)
      copyUp(list, nextB, list, target, winsB)
      target += winsB
      nextB += winsB
      b -= winsB
      if (b === 0) break merging
      list[target++] = spare[nextA++]
      if (--a === 1) break merging
    } while (winsA >= GALLOP_AFTER || winsB >= GALLOP_AFTER)
    state.gallopAfter = ++gallopAfter
  }
  if (b > 0) {
    copyUp(list, nextB, list, target, b)
    target += b
  }
  copyUp(spare, nextA, list, target, a)
}

// The mirror image: from the right, B is set aside.
const mergeFromRight = (state, baseA, a, baseB, b) => {
  const { list, spare, order } = state
  copyUp(list, baseB, spare, 0, b)
  let target = baseB + b - 1
  let nextA = baseA + a - 1
  let nextB = b - 1
  let gallopAfter = state.gallopAfter

  list[target--] = list[nextA--]
  a--
  merging: while (a > 0 && b > 1) {
    let winsA = 0
    let winsB = 0
    while (winsA < gallopAfter && winsB < gallopAfter) {
      if (order(spare[nextB], list[nextA]) < 0) {
        list[target--] = list[nextA--]
        winsA++
        winsB = 0
        if (--a === 0) break merging
      } else {
        list[target--] = spare[nextB--]
        winsB++
        winsA = 0
        if (--b === 1) break merging
      }
    }
    gallopAfter++
    do {
      if (gallopAfter > 1) gallopAfter--
      state.gallopAfter = gallopAfter
      winsA = a - gallop(list, baseA, a, a - 1, spare[nextB], true, order)
      target -= winsA
      nextA -= winsA
      copyDown(list, nextA + 1, list, target + 1, winsA)
      a -= winsA
      if (a === 0) break merging
      list[target--] = spare[nextB--]
      if (--b === 1) break merging
      winsB = b - gallop(spare, 0, b, b - 1, list[nextA], false, order)
      target -= winsB
      nextB -= winsB
      copyUp(spare, nextB + 1, list, target + 1, winsB)
      b -= winsB
      if (winsB > 0 && b <= 1) break merging
      list[target--] = list[nextA--]
      if (--a === 0) break merging
    } while (winsA >= GALLOP_AFTER || winsB >= GALLOP_AFTER)
    state.gallopAfter = ++gallopAfter
  }
  if (a > 0) {
    target -= a
    nextA -= a
    copyDown(list, nextA + 1, list, target + 1, a)
  }
  copyUp(spare, 0, list, target - b + 1, b)
}

// Merges the pending runs i and i + 1, leaving out what is in its place already.
const mergeAt = (state, i) => {
  const { list, starts, lengths, order } = state
  let baseA = starts[i]
  let a = lengths[i]
  const baseB = starts[i + 1]
  let b = lengths[i + 1]
  lengths[i] = a + b
  if (i === state.pending - 3) {
    starts[i + 1] = starts[i + 2]
    lengths[i + 1] = lengths[i + 2]
  }
  state.pending--
  const settled = gallop(list, baseA, a, 0, list[baseB], true, order)
  baseA += settled
  a -= settled
  if (a === 0) return
  b = gallop(list, baseB, b, b - 1, list[baseA + a - 1], false, order)
  if (b === 0) return
  if (a <= b) mergeFromLeft(state, baseA, a, baseB, b)
  else mergeFromRight(state, baseA, a, baseB, b)
}

// Lengths of pending runs, from the last to the first, grow at least as Fibonacci's numbers do.
const balanced = (lengths, i) => i < 2 || lengths[i - 2] > lengths[i - 1] + lengths[i]

const mergePending = (state) => {
  const { lengths } = state
  while (state.pending > 1) {
    let i = state.pending - 2
    if (!balanced(lengths, i + 1) || !balanced(lengths, i)) {
      if (lengths[i - 1] < lengths[i + 1]) i--
    } else if (lengths[i] > lengths[i + 1]) {
      return
    }
    mergeAt(state, i)
  }
}

const timSort = (list, length, order) => {
  if (length < 2) return
  const starts = bareArray()
  const lengths = bareArray()
  const state = { list, spare: bareArray(), order, starts, lengths, pending: 0, gallopAfter: GALLOP_AFTER }
  let shortest = length // the six highest bits, plus one if any lower bit is set
  let lowerBits = 0
  while (shortest >= 64) {
    lowerBits |= shortest & 1
    shortest = (shortest - (shortest & 1)) / 2
  }
  shortest += lowerBits
  for (let low = 0; low < length;) {
    let run = takeRun(list, low, length, order)
    if (run < shortest) {
      const forced = shortest < length - low ? shortest : length - low
      insertBinary(list, low, low + run, low + forced, order)
      run = forced
    }
    starts[state.pending] = low
    lengths[state.pending] = run
    state.pending++
    mergePending(state)
    low += run
  }
  while (state.pending > 1) {
    let i = state.pending - 2
    if (i > 0 && lengths[i - 1] < lengths[i + 1]) i--
    mergeAt(state, i)
  }
}

// Sorts [from, to) of `source`, equal to `target` there on entry, into `target`.
const mergeSort = (source, from, to, target, order) => {
  const middle = from + ((to - from) >> 1)
  if (middle - from > 1) mergeSort(target, from, middle, source, order)
  if (to - middle > 1) mergeSort(target, middle, to, source, order)
  let left = from
  let right = middle
  for (let i = from; i < to; i++) {
    if (left < middle && (right >= to || order(source[left], source[right]) <= 0)) target[i] = source[left++]
    else target[i] = source[right++]
  }
}

const lengthOf = (object) => {
  const length = +object.length
  if (!(length >= 1)) return 0
  return length > MAX_LENGTH ? MAX_LENGTH : length - length % 1
}

// Method definitions: like natives, these have no `prototype` and cannot be constructed.
const arrays = {
  sort (comparefn) {
    if (comparefn !== undefined && typeof comparefn !== 'function') throw new makeTypeError(BAD_COMPARATOR)
    if (this === undefined || this === null) {
      throw new makeTypeError('Cannot convert undefined or null to object')
    }
    const object = toObject(this)
    const length = lengthOf(object)
    if (length < 2) return object
    // What is there is read once, sorted aside, and written back only after the last comparison.
    const list = bareArray()
    let count = 0
    let undefinedCount = 0
    for (let i = 0; i < length; i++) {
      if (!(i in object)) continue
      const element = object[i]
      if (element === undefined) undefinedCount++
      else list[count++] = element
    }
    timSort(list, count, comparefn === undefined ? stringOrder : orderOf(comparefn))
    let i = 0
    for (; i < count; i++) object[i] = list[i]
    for (; i < count + undefinedCount; i++) object[i] = undefined
    for (; i < length; i++) delete object[i]
    return object
  }
}

const typedArrays = {
  sort (comparefn) {
    if (comparefn !== undefined && typeof comparefn !== 'function') throw new makeTypeError(BAD_COMPARATOR)
    if (comparefn === undefined) return call(nativeTypedArraySort, this, [])
    if (call(typedArrayTag, this, []) === undefined) throw new makeTypeError('this is not a typed array.')
    const length = call(typedArrayLength, this, [])
    if (length < 2) return this
    const source = bareArray()
    const target = bareArray()
    for (let i = 0; i < length; i++) source[i] = target[i] = this[i]
    mergeSort(source, 0, length, target, orderOf(comparefn))
    for (let i = 0; i < length; i++) this[i] = target[i]
    return this
  }
}

return { arraySort: arrays.sort, typedArraySort: typedArrays.sort }
