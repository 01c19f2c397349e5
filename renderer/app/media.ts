// A media query as a value that follows the window.
// Queries are written in rem, so that text size counts as well as the width of the window.
// Promises: the listener ends with the calling component.
import { onScopeDispose, type Ref, ref } from "vue";

export function useMediaQuery(query: string): Readonly<Ref<boolean>> {
  const list = window.matchMedia(query);
  const matches = ref(list.matches);
  const follow = () => (matches.value = list.matches);
  list.addEventListener("change", follow);
  onScopeDispose(() => list.removeEventListener("change", follow));
  return matches;
}
