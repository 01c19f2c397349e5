// The page's entry: connect to the host, apply the kept appearance, show the frame.
// Without a host it shows one sentence; nothing else can work then.
// Promises: nothing is drawn before the theme is known, so that it never flashes.
import { createPinia } from "pinia";
import { createApp } from "vue";
import App from "./app/App.vue";
import { useAppearance } from "./app/appearance.ts";
import { clientKey } from "./app/client.ts";
import { connectHost } from "./app/connect.ts";
import { sentenceOf } from "./app/requests.ts";
import "./theme/theme.css";

async function start(): Promise<void> {
  const client = await connectHost();
  const pinia = createPinia();
  await useAppearance(pinia).load(client);
  createApp(App).use(pinia).provide(clientKey, client).mount("#app");
}

start().catch((error: unknown) => {
  const note = document.createElement("p");
  note.setAttribute("role", "alert");
  note.style.padding = "var(--space-6)";
  note.textContent = `Faultline cannot start: ${sentenceOf(error)}`;
  document.body.replaceChildren(note);
});
