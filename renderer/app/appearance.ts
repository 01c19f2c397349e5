// How the window looks: theme, text size, density, motion, and whether single letters are keys.
// Applied to the root element at once and kept by the host as settings; a host that cannot keep
// them is told once.
import type { Client } from "#shared/contract/methods";
import { defineStore } from "pinia";
import { computed, reactive } from "vue";
import { sentenceOf } from "./requests.ts";
import { showToast } from "./toasts.ts";

export const CHOICES = {
  "view.theme": ["system", "dark", "light"],
  "view.textSize": ["80", "90", "100", "110", "125", "150", "175", "200"],
  "view.density": ["compact", "roomy"],
  "view.motion": ["system", "reduced"],
  "view.letterKeys": ["on", "off"],
} as const;
export type AppearanceKey = keyof typeof CHOICES;

export const DEFAULTS: Readonly<Record<AppearanceKey, string>> = {
  "view.theme": "system",
  "view.textSize": "100",
  "view.density": "compact",
  "view.motion": "system",
  "view.letterKeys": "on",
};

const isKey = (key: string): key is AppearanceKey => Object.hasOwn(CHOICES, key);
const isChoice = (key: AppearanceKey, value: string): boolean =>
  (CHOICES[key] as readonly string[]).includes(value);

export const useAppearance = defineStore("appearance", () => {
  const values = reactive<Record<AppearanceKey, string>>({ ...DEFAULTS });
  const lightScheme = window.matchMedia("(prefers-color-scheme: light)");
  let client: Client | null = null;

  const theme = computed(() => {
    if (values["view.theme"] !== "system") return values["view.theme"];
    return lightScheme.matches ? "light" : "dark";
  });

  function apply(): void {
    const root = document.documentElement;
    const chosen = values["view.theme"];
    root.dataset["theme"] = chosen === "system" ? (lightScheme.matches ? "light" : "dark") : chosen;
    root.dataset["density"] = values["view.density"];
    root.dataset["motion"] = values["view.motion"];
    root.style.setProperty("--text-scale", String(Number(values["view.textSize"]) / 100));
    window.dispatchEvent(new Event("appearance"));
  }

  /** Reads the kept settings. What a host holds that is not a choice here is left alone. */
  async function load(from: Client): Promise<void> {
    client = from;
    lightScheme.addEventListener("change", apply);
    const kept = (await from.call("settings.get", {})).values;
    for (const [key, value] of Object.entries(kept)) {
      if (isKey(key) && isChoice(key, value)) values[key] = value;
    }
    apply();
  }

  function set(key: AppearanceKey, value: string): void {
    if (!isChoice(key, value)) return;
    values[key] = value;
    apply();
    client?.call("settings.set", { key, value }).catch((error: unknown) => {
      showToast(`The setting is not kept: ${sentenceOf(error)}`, { kind: "error" });
    });
  }

  /** The next larger (+1) or smaller (-1) text size; 0 is 100 %. */
  function stepTextSize(by: -1 | 0 | 1): void {
    const sizes: readonly string[] = CHOICES["view.textSize"];
    const at = sizes.indexOf(by === 0 ? "100" : values["view.textSize"]);
    const size = sizes[Math.min(sizes.length - 1, Math.max(0, at + by))];
    if (size !== undefined) set("view.textSize", size);
  }

  const toggleTheme = (): void => set("view.theme", theme.value === "dark" ? "light" : "dark");
  return { values, theme, load, set, stepTextSize, toggleTheme };
});
