import { useCallback, useState, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { useSession } from "./api/session.ts";
import classes from "./app.module.css";
import { FolderView } from "./folder/folder-view.tsx";
import { createPhotoDesk } from "./photos/photo-desk.ts";
import { PhotosView } from "./photos/photos-view.tsx";
import { useStrayDrop } from "./photos/use-stray-drop.ts";
import { isEdited } from "./regions/region-edits.ts";
import { useFarewell } from "./regions/use-farewell.ts";
import { ReviewDesk } from "./review/review-desk.tsx";
import { Footer } from "./shell/footer.tsx";
import { Header } from "./shell/header.tsx";
import { Login } from "./shell/login.tsx";
import { NoRole } from "./shell/no-role.tsx";
import { Silence } from "./shell/silence.tsx";
import { useReturn } from "./shell/use-return.ts";
import { useReviewed, useView, viewLinks, viewsFor } from "./shell/view.ts";

/**
 * The page: a header, one of two views, a footer. Photos stay on the desk while the folder is looked at, and the folder
 * as it was while a held picture is decided on.
 */
export function App() {
  const { t } = useTranslation();
  const asked = useView();
  const { data: session } = useSession();
  const reviewed = useReviewed();
  const views = viewsFor(session?.roles ?? []);
  const view = views.includes(asked) ? asked : views[0];
  const [desk] = useState(() => createPhotoDesk());
  const take = useCallback(
    (files: readonly File[]) => {
      desk.add(files);
      location.hash = viewLinks.photos;
    },
    [desk],
  );
  useStrayDrop(take);
  useReturn(reviewed);
  useFarewell(useSyncExternalStore(desk.subscribe, desk.snapshot).some(({ edits }) => isEdited(edits)));
  return (
    <div className={classes.page}>
      <button type="button" className={classes.skip} onClick={skipToMain}>
        {t("shell.skip")}
      </button>
      <Header view={view} views={views} />
      <main id="main" className={classes.main} tabIndex={-1}>
        <Silence />
        {session === undefined ? null : session.login_required && session.name === null ? (
          <Login ways={session.ways} />
        ) : view === undefined ? (
          <NoRole name={session.name ?? ""} />
        ) : (
          <>
            {reviewed === undefined ? null : <ReviewDesk id={reviewed} />}
            {view === "folder" ? (
              <div hidden={reviewed !== undefined}>
                <FolderView />
              </div>
            ) : reviewed === undefined ? (
              <PhotosView desk={desk} />
            ) : null}
          </>
        )}
      </main>
      <Footer />
    </div>
  );
}

/** A link would do, were the address's fragment not the view's name. */
function skipToMain() {
  document.querySelector<HTMLElement>("#main")?.focus();
}
