import { Button } from "@mantine/core";
import { IconAlertTriangle, IconEye, IconInfoCircle } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { isPermanent } from "../api/answer.ts";
import { useStatus } from "../api/status.ts";
import { formatBytes } from "../i18n/format.ts";
import { troubleRemedy, troubleTitle } from "../i18n/trouble-text.ts";
import { Notice } from "../shell/notice.tsx";
import { formatOf, type Photo } from "./photo.ts";

interface PhotoNoticeProps {
  photo: Photo;
  /** How many regions are masked. */
  regions: number;
  onRetry: () => void;
  onDraw: () => void;
}

/** What a person has to know about this photo: a problem, that nothing was found, or that it is a preview. */
export function PhotoNotice(props: PhotoNoticeProps) {
  const { photo, regions } = props;
  return (
    <div role="status" style={{ display: "contents" }}>
      {photo.trouble ? <Problem {...props} /> : null}
      {photo.stage === "done" && regions === 0 ? <NothingMasked {...props} /> : null}
      {photo.shows === false && photo.preview ? <NotShown photo={photo} /> : null}
    </div>
  );
}

function Problem({ photo, onRetry }: PhotoNoticeProps) {
  const { t, i18n } = useTranslation();
  const { data: status } = useStatus();
  const trouble = photo.trouble!;
  const remedy = troubleRemedy(trouble, t);
  const tooLarge = trouble.code === "too-large-here" && status;
  const detail = tooLarge
    ? t("problem.too-large-here.detail", {
        size: formatBytes(photo.file.size, i18n.language),
        limit: formatBytes(status.limits.max_bytes, i18n.language),
      })
    : trouble.detail;
  const again = isPermanent(trouble) ? null : (
    <Button size="xs" variant="default" onClick={onRetry}>
      {t("photo.retry")}
    </Button>
  );
  const title = troubleTitle(trouble, t, i18n.language);
  return (
    <Notice tone="bad" icon={<IconAlertTriangle size={22} aria-hidden />} title={title} action={again}>
      {detail ? <div>{detail}</div> : null}
      {remedy ? <div>{remedy}</div> : null}
    </Notice>
  );
}

function NothingMasked({ photo, onDraw }: PhotoNoticeProps) {
  const { t } = useTranslation();
  const kind = photo.edits.removed.length > 0 ? "photo.noMask" : "photo.noFace";
  const draw = (
    <Button size="xs" variant="default" onClick={onDraw}>
      {t("photo.drawOne")}
    </Button>
  );
  return (
    <Notice tone="look" icon={<IconEye size={22} aria-hidden />} title={t(`${kind}.title`)} action={draw}>
      {t(`${kind}.text`)}
    </Notice>
  );
}

function NotShown({ photo }: { photo: Photo }) {
  const { t } = useTranslation();
  const title = t("photo.preview.title", { format: formatOf(photo) });
  return (
    <Notice tone="quiet" icon={<IconInfoCircle size={22} aria-hidden />} title={title}>
      {t("photo.preview.text")}
    </Notice>
  );
}
