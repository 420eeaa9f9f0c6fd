// Where an agent CLI keeps its conversation, so that it can be taken off the worker and given to
// another one. Paths are relative to `root`, with '/' between their parts.
//
// Claude Code (checked with 2.0.77, 2.1.197 and 2.1.330):
// - A conversation is one file, `.claude/projects/<project>/<session id>.jsonl` under HOME.
//   <project> is the real path of the working folder, every UTF-16 unit that is no ASCII letter or
//   digit replaced by '-'; newer versions cut it at 200 and append a hash of the path.
// - `--resume <session id>` looks into the project of its own working folder only, so a file from
//   another folder is placed anew (`placed`). It needs no other file, and the content may name
//   another folder. A missing file ends with "No conversation found with session ID" and status 1.
// - It keeps the id and appends to the same file; never rewrites what stands there.
// - Each message is on disk before its tool starts. A last line that is cut is skipped. A tool call
//   without a result is closed or dropped: the model then does not know whether it took effect.
// - Sub-agents write `<session id>/subagents/agent-*.jsonl` (2.0: `agent-*.jsonl` beside the
//   conversation). Continuing the conversation does not read them.
// - Versions differ in what they write beside the messages, and read each other's.
//
// Codex (0.169.0): one file, `.codex/sessions/<year>/<month>/<day>/rollout-<time>-<session
// id>.jsonl`, found by its name wherever it lies there and whatever the working folder is; appended
// to by the CLI that continues it. The databases beside it are an index and not needed.
//
// Gemini CLI (0.61.0): one file, `.gemini/tmp/<project>/chats/session-<time>-<id>.jsonl`. <project>
// is the last part of the working folder in lower case, what is no letter or digit replaced by '-',
// so the file is placed anew. The CLI appends.
#pragma once

#include <string>
#include <string_view>

namespace personas::agents {

struct SessionFiles {
  std::string_view root;  // relative to HOME
  // Whether the file is part of the conversation.
  bool (*wanted)(std::string_view path) = nullptr;
  // Where the file belongs for a run in `workspace` (absolute, without symbolic links, as the agent
  // sees it).
  std::string (*placed)(std::string_view path, std::string_view workspace) = nullptr;
};

extern const SessionFiles kClaudeSession;
extern const SessionFiles kCodexSession;
extern const SessionFiles kGeminiSession;

// The name of Claude Code's project folder for a working folder.
std::string claude_project(std::string_view workspace);

}  // namespace personas::agents
