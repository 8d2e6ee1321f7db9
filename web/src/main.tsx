import { MantineProvider } from "@mantine/core";
import "@mantine/core/styles.css";
import "@mantine/dropzone/styles.css";
import "@mantine/notifications/styles.css";
import { Notifications } from "@mantine/notifications";
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "./page.css";
import { troubleOf } from "./api/answer.ts";
import { App } from "./app.tsx";
import { startLanguage } from "./i18n/language.ts";
import { cssVariables, theme } from "./theme.ts";

startLanguage();
const queries: QueryClient = new QueryClient({
  defaultOptions: { queries: { retry: false, refetchOnWindowFocus: true } },
  queryCache: new QueryCache({ onError }),
  mutationCache: new MutationCache({ onError }),
});

/** Whose session has ended is asked to log in again. */
function onError(error: Error) {
  if (troubleOf(error).code === "unauthorized") void queries.invalidateQueries({ queryKey: ["session"] });
}

createRoot(document.querySelector("#page")!).render(
  <StrictMode>
    <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto">
      <QueryClientProvider client={queries}>
        <Notifications position="bottom-center" autoClose={3500} />
        <App />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
