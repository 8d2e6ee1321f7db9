import { ActionIcon, CopyButton, Tooltip } from "@mantine/core";
import { IconArrowRight, IconCheck, IconCopy, IconFolderDown, IconFolderUp } from "@tabler/icons-react";
import { Fragment, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import classes from "./folder-paths.module.css";

/** From which folder into which, to be copied. */
export function FolderPaths({ input, output }: { input: string; output: string }) {
  const { t } = useTranslation();
  return (
    <div className={classes.paths}>
      <FolderPath label={t("folder.input")} path={input} icon={<IconFolderDown size={26} stroke={1.6} aria-hidden />} />
      <IconArrowRight className={classes.arrow} size={24} stroke={1.6} aria-hidden />
      <FolderPath label={t("folder.output")} path={output} icon={<IconFolderUp size={26} stroke={1.6} aria-hidden />} />
    </div>
  );
}

/** The path with a place to break after each slash; unlike a zero-width space, nobody copies it along. */
function breakable(path: string): ReactNode {
  return path.split(/(?<=[/\\])/).map((part, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: the parts of one path never move
    <Fragment key={index}>
      {part}
      <wbr />
    </Fragment>
  ));
}

function FolderPath({ label, path, icon }: { label: string; path: string; icon: ReactNode }) {
  const { t } = useTranslation();
  return (
    <div className={classes.path}>
      <span className={classes.icon}>{icon}</span>
      <div className={classes.words}>
        <span className={classes.label}>{label}</span>
        <code className={classes.code}>{breakable(path)}</code>
      </div>
      <CopyButton value={path} timeout={1800}>
        {({ copied, copy }) => (
          <Tooltip label={t(copied ? "folder.copied" : "folder.copy")}>
            <ActionIcon
              variant="default"
              size={36}
              aria-label={`${t(copied ? "folder.copied" : "folder.copy")}: ${path}`}
              onClick={copy}
            >
              {copied ? <IconCheck size={18} aria-hidden /> : <IconCopy size={18} aria-hidden />}
            </ActionIcon>
          </Tooltip>
        )}
      </CopyButton>
    </div>
  );
}
