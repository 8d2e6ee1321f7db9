import { ActionIcon, Button, Tooltip } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconDownload, IconPhoto } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { JobBody } from "../../../src/http/schema.ts";
import { troubleOf } from "../api/answer.ts";
import { resultUrl, stateOf, useDecision, useRetry } from "../api/jobs.ts";
import { useMay } from "../api/session.ts";
import { formatAgo, formatMoment } from "../i18n/format.ts";
import { troubleTitle } from "../i18n/trouble-text.ts";
import { Pill } from "../shell/pill.tsx";
import { tones } from "./job-groups.ts";
import classes from "./job-row.module.css";
import table from "./jobs-table.module.css";

/** One job: its file, what became of it and why, and what can be done. */
export function JobRow({ job, now, onShow }: { job: JobBody; now: number; onShow: () => void }) {
  const { t, i18n } = useTranslation();
  const { input, state, regions, problem, kind, attempts, updated_at } = job;
  const [mayRetry, mayDecide] = [useMay("admin"), useMay("review")];
  const slash = input.key.lastIndexOf("/") + 1;
  const name = input.key.slice(slash);
  return (
    <tr data-state={state}>
      <td className={classes.file}>
        <span className={classes.folder}>{input.key.slice(0, slash)}</span>
        <span className={classes.name}>{name}</span>
        {problem ? (
          <span className={classes.reason} data-tone={tones[state]}>
            <b>{troubleTitle(problem, t, i18n.language)}.</b> {problem.detail}
            {attempts > 1 ? ` (${t("jobs.attempts", { count: attempts })})` : null}
          </span>
        ) : null}
        {kind ? <span className={classes.reason}>{t("jobs.notPhoto", { kind })}</span> : null}
      </td>
      <td>
        <Pill tone={tones[state]}>{t(`jobs.state.${state}`)}</Pill>
      </td>
      <td className={table.number}>{regions ?? "–"}</td>
      <td className={classes.changed} title={formatMoment(updated_at, i18n.language)}>
        <time dateTime={updated_at}>{formatAgo(updated_at, i18n.language, now)}</time>
      </td>
      <td>
        <div className={classes.actions}>
          {state === "done" ? <ResultActions job={job} name={name} onShow={onShow} /> : null}
          {state === "dead" && mayRetry ? <SendBack id={job.id} name={name} /> : null}
          {state === "held" && mayDecide ? <Decisions id={job.id} name={name} /> : null}
        </div>
      </td>
    </tr>
  );
}

function ResultActions({ job, name, onShow }: { job: JobBody; name: string; onShow: () => void }) {
  const { t } = useTranslation();
  const [view, save] = [t("jobs.view", { name }), t("jobs.save", { name })];
  return (
    <>
      <Tooltip label={view}>
        <ActionIcon variant="subtle" size={34} aria-label={view} onClick={onShow}>
          <IconPhoto size={18} aria-hidden />
        </ActionIcon>
      </Tooltip>
      <Tooltip label={save}>
        <ActionIcon
          component="a"
          variant="subtle"
          size={34}
          aria-label={save}
          href={resultUrl(job.id)}
          download={job.masked_name ?? name}
        >
          <IconDownload size={18} aria-hidden />
        </ActionIcon>
      </Tooltip>
    </>
  );
}

/** What is dead is tried again. */
function SendBack({ id, name }: { id: string; name: string }) {
  const { t } = useTranslation();
  const words = { label: t("jobs.retry"), hint: t("jobs.retryOf", { name }), done: t("jobs.retried") };
  return <Ask id={id} words={words} verb={useRetry()} />;
}

/** What is held is masked with all that both looks found, or ends without a result. */
function Decisions({ id, name }: { id: string; name: string }) {
  const { t } = useTranslation();
  const approve = { label: t("jobs.approve"), hint: t("jobs.approveOf", { name }), done: t("jobs.approved") };
  const reject = { label: t("jobs.reject"), hint: t("jobs.rejectOf", { name }), done: t("jobs.rejected") };
  return (
    <>
      <Ask id={id} words={approve} verb={useDecision("approve")} />
      <Ask id={id} words={reject} verb={useDecision("reject")} />
    </>
  );
}

interface AskProps {
  readonly id: string;
  readonly words: { readonly label: string; readonly hint: string; readonly done: string };
  readonly verb: ReturnType<typeof useRetry>;
}

/** A button that has something done with a job, and says whether it was. */
function Ask({ id, words, verb }: AskProps) {
  const { t, i18n } = useTranslation();
  const { label, hint, done } = words;
  const send = () =>
    verb.mutate(id, {
      onSuccess: () => notifications.show({ message: done }),
      onError: async (error) => {
        const trouble = troubleOf(error);
        const title = troubleTitle(trouble, t, i18n.language);
        const decided = trouble.code === "already-decided" ? await stateOf(id) : undefined;
        const message = decided ? t("jobs.decided", { title, state: t(`jobs.state.${decided}`) }) : title;
        notifications.show({ color: "red", message });
      },
    });
  return (
    <Button size="xs" variant="default" loading={verb.isPending} aria-label={hint} title={hint} onClick={send}>
      {label}
    </Button>
  );
}
