// The address in the page's own location, so that a reload comes back to the same place.
// The page's history is left alone: back and forward are the app's own (navigation.ts).
// Promises: a hash that names no screen changes nothing.
import { onScopeDispose, watch } from "vue";
import { parseAddress } from "./address.ts";
import { useNavigation } from "./navigation.ts";

export function useLocation(): void {
  const navigation = useNavigation();

  function read(): void {
    const place = parseAddress(location.hash);
    if (place !== null) navigation.go(place);
  }

  read();
  watch(
    () => navigation.text,
    (text) => history.replaceState(null, "", `#${text}`),
    {
      immediate: true,
    },
  );
  window.addEventListener("hashchange", read);
  onScopeDispose(() => window.removeEventListener("hashchange", read));
}
