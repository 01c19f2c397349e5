// The size of an element in pixels at 16 px root, kept up to date while the component lives.
// Owns one observer and ends it with the component; text size 200 % halves what it reports.
// From: the rule that layouts follow the room for text, not the device's pixels.
import { onBeforeUnmount, onMounted, type Ref, ref } from "vue";

interface BoxSize {
  readonly width: number;
  readonly height: number;
}

export function useBoxSize(element: Readonly<Ref<HTMLElement | null>>, first: BoxSize) {
  const width = ref(first.width);
  const height = ref(first.height);
  const observer = new ResizeObserver(([entry]) => {
    if (entry === undefined || entry.contentRect.width === 0) return;
    const root = Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / 16 || 1;
    width.value = entry.contentRect.width / root;
    height.value = entry.contentRect.height / root;
  });
  onMounted(() => element.value !== null && observer.observe(element.value));
  onBeforeUnmount(() => observer.disconnect());
  return { width, height };
}
