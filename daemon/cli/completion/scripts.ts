import type { Command } from 'commander';
import { RSPEC_KEYS } from '../../resources/rspec.ts';
import { fishScript } from './fish.ts';
import { type OptionPlace, type Place, places } from './tree.ts';

/** A completion script: the words are in it, so that only names cost a start of sliverctl. */
export function completionScript(program: Command, shell: 'bash' | 'zsh' | 'fish'): string {
  const found = places(program);
  if (shell === 'fish') return fishScript(found, RSPEC_KEYS);
  return `${shell === 'zsh' ? '#compdef sliverctl\n' : ''}${HEAD}${placeFunction(found)}${shell === 'zsh' ? ZSH : BASH}`;
}

const HEAD = "# Completion of sliverctl; made by 'sliverctl completion', from its own commands.\n";

/** What can stand where, in syntax that bash and zsh share. */
function placeFunction(found: readonly Place[]): string {
  const cases = found.map(({ path, words, options, operands, repeats }) => {
    const flags = options.flatMap((option) => option.flags);
    const valued = options.flatMap((option: OptionPlace) =>
      option.value === undefined ? [] : option.flags.map((flag) => `${flag}=${option.value}`),
    );
    return `    '${path}')
      offers='${words.join(' ')}' operands='${operands.join(' ')}' repeats=${repeats ? 1 : 0}
      flags='${flags.join(' ')}'
      valued='${valued.join(' ')}' ;;
`;
  });
  return `_sliverctl_keys='${RSPEC_KEYS.map((key) => `${key}=`).join(' ')}'
_sliverctl_place() {
  case "$1" in
${cases.join('')}    *) return 1 ;;
  esac
}
# The kind of value that option $1 takes here, if any.
_sliverctl_value() {
  case " $valued " in
    *" $1="*) local rest="\${valued#*"$1"=}"; kind="\${rest%% *}" ;;
    *) return 1 ;;
  esac
}
# Follows the words before the one being typed: where they lead ($at), and what is wanted next ($kind).
_sliverctl_follow() {
  local word expecting='' count=0
  at='' kind='' ended=''
  globals=()
  _sliverctl_place ''
  for word in "$@"; do
    if [ -n "$expecting" ]; then
      case "$expecting" in --node|--socket) globals+=("$expecting" "$word") ;; esac
      expecting=''
      continue
    fi
    case "$word" in
      --) ended=1; break ;;
      -*) if _sliverctl_value "$word"; then expecting="$word"; fi; continue ;;
    esac
    case " $offers " in
      *" $word "*) if _sliverctl_place "\${at:+$at }$word"; then at="\${at:+$at }$word"; count=0; continue; fi ;;
    esac
    count=$((count + 1))
  done
  kind=''
  if [ -n "$expecting" ]; then _sliverctl_value "$expecting"; wants=value; return; fi
  wants=operand
  local operand index=0
  for operand in $(echo $operands); do
    if [ $index -eq $count ]; then kind="$operand"; fi
    last="$operand"
    index=$((index + 1))
  done
  if [ -z "$kind" ] && [ "$repeats" = 1 ] && [ $index -gt 0 ]; then kind="$last"; fi
  if [ -n "$ended" ]; then kind=command; fi
}
`;
}

const BASH = `_sliverctl() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" offers operands repeats flags valued at kind ended last wants globals
  COMPREPLY=()
  _sliverctl_follow "\${COMP_WORDS[@]:1:COMP_CWORD-1}"
  case "$wants $cur" in
    'operand -'*) [ -z "$ended" ] && COMPREPLY=($(compgen -W "$flags" -- "$cur")); return ;;
  esac
  case "$kind" in
    sliver|image|node|profile|session)
      COMPREPLY=($(compgen -W "$(sliverctl "\${globals[@]}" __complete "$kind" 2>/dev/null)" -- "$cur")) ;;
    file) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$cur")) ;;
    key) compopt -o nospace 2>/dev/null; COMPREPLY=($(compgen -W "$_sliverctl_keys" -- "$cur")) ;;
    command) ;;
    *) [ "$wants" = operand ] && COMPREPLY=($(compgen -W "$offers" -- "$cur")) ;;
  esac
}
complete -F _sliverctl sliverctl
`;

const ZSH = `_sliverctl() {
  local current="\${words[CURRENT]}"
  local -a before=("\${(@)words[2,CURRENT-1]}") globals
  () {
    local offers operands repeats flags valued at kind ended last wants
    _sliverctl_follow "\${before[@]}"
    if [[ "$wants" = operand && "$current" = -* ]]; then
      [[ -z "$ended" ]] && compadd -- \${=flags}
      return
    fi
    case "$kind" in
      sliver|image|node|profile|session)
        compadd -- \${(f)"$(sliverctl "\${globals[@]}" __complete "$kind" 2>/dev/null)"} ;;
      file) _files ;;
      key) compadd -S '' -- \${=_sliverctl_keys} ;;
      command) ;;
      *) [[ "$wants" = operand ]] && compadd -- \${=offers} ;;
    esac
  }
}
if [ "$funcstack[1]" = _sliverctl ]; then _sliverctl "$@"; else compdef _sliverctl sliverctl; fi
`;
