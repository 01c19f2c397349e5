// Copies of columns on buffers of their own, as the contract's arrays are: a part of a large column
// would drag its whole buffer across the thread, and shared memory does not cross the host's border
// at all.

export const ownInt32s = (column: Int32Array): Int32Array<ArrayBuffer> => new Int32Array(column);
export const ownFloat64s = (column: Float64Array): Float64Array<ArrayBuffer> =>
  new Float64Array(column);
export const ownUint8s = (column: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(column);
