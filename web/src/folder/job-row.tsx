import { ActionIcon, Button, Tooltip } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconDownload, IconPhoto } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { JobBody } from "../../../src/http/schema.ts";
import { troubleOf } from "../api/answer.ts";
import { resultUrl, stateOf, useRetry } from "../api/jobs.ts";
import { type Decision, useDecision } from "../api/reviews.ts";
import { useMay } from "../api/session.ts";
import { formatAgo, formatMoment } from "../i18n/format.ts";
import { troubleTitle } from "../i18n/trouble-text.ts";
import { Pill } from "../shell/pill.tsx";
import { reviewLink } from "../shell/view.ts";
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
  const { mutate, isPending } = useRetry();
  const words = { label: t("jobs.retry"), hint: t("jobs.retryOf", { name }), done: t("jobs.retried") };
  return <Ask id={id} words={words} pending={isPending} send={(then) => mutate(id, then)} />;
}

/** What is held is looked at, or masked at once with all that both looks found, or ends without a result. */
function Decisions({ id, name }: { id: string; name: string }) {
  const { t } = useTranslation();
  const { mutate, variables, isPending } = useDecision();
  const verb = (name: Decision["verb"]) => ({
    pending: isPending && variables.verb === name,
    send: (then: Then) => mutate({ id, verb: name, body: {} }, then),
  });
  const look = t("jobs.lookAt", { name });
  const approve = { label: t("jobs.approve"), hint: t("jobs.approveOf", { name }), done: t("jobs.approved") };
  const reject = { label: t("jobs.reject"), hint: t("jobs.rejectOf", { name }), done: t("jobs.rejected") };
  return (
    <>
      <Button component="a" size="xs" variant="light" href={reviewLink(id)} aria-label={look} title={look}>
        {t("jobs.look")}
      </Button>
      <Ask id={id} words={approve} {...verb("approve")} />
      <Ask id={id} words={reject} {...verb("reject")} />
    </>
  );
}

/** What is said when the answer is there. */
interface Then {
  readonly onSuccess: () => void;
  readonly onError: (error: Error) => void;
}

interface AskProps {
  readonly id: string;
  readonly words: { readonly label: string; readonly hint: string; readonly done: string };
  readonly pending: boolean;
  readonly send: (then: Then) => void;
}

/** A button that has something done with a job, and says whether it was. */
function Ask({ id, words, pending, send }: AskProps) {
  const { t, i18n } = useTranslation();
  const { label, hint, done } = words;
  const press = () =>
    send({
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
    <Button size="xs" variant="default" loading={pending} aria-label={hint} title={hint} onClick={press}>
      {label}
    </Button>
  );
}
