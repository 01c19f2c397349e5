// Which traces come to which places of the model: the CPU's counts, block by block, taken after
// each trace. A trace that never comes to a mutant's place cannot see it, and need not be run.
// Owns the inspector's session of this thread.
import { Session } from "node:inspector/promises";

/**
 * @typedef {{ url: string, start: number, end: number }} Place
 * @typedef {{ ranges: { startOffset: number, endOffset: number, count: number }[] }} FunctionCounts
 */

export class Cover {
  #session = new Session();

  async start() {
    this.#session.connect();
    await this.#session.post("Profiler.enable");
    await this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  /**
   * Which of the places were run since the last call.
   * @param {Place[]} places
   * @returns {Promise<boolean[]>}
   */
  async take(places) {
    const { result } = await this.#session.post("Profiler.takePreciseCoverage");
    const byUrl = new Map(result.map(({ url, functions }) => [url, functions]));
    return places.map((place) => wasRun(byUrl.get(place.url) ?? [], place));
  }

  end() {
    this.#session.disconnect();
  }
}

/**
 * Any part of the place: the innermost block around a part tells whether it was run.
 * @param {FunctionCounts[]} functions
 * @param {Place} place
 */
function wasRun(functions, { start, end }) {
  const ranges = functions.flatMap((one) => one.ranges);
  const near = ranges.filter(
    ({ startOffset, endOffset }) => startOffset < end && endOffset > start,
  );
  const edges = near.flatMap(({ startOffset, endOffset }) => [startOffset, endOffset]);
  return [start, ...edges.filter((at) => at > start && at < end)].some((at) => {
    const around = near.filter(({ startOffset, endOffset }) => startOffset <= at && endOffset > at);
    const size = (range) => range.endOffset - range.startOffset;
    const [inner] = around.sort((a, b) => size(a) - size(b));
    return inner !== undefined && inner.count > 0;
  });
}
