.intel_syntax noprefix
.globl _start
_start:
 sub rsp, 512
 mov rdi,rsp
 xor eax,eax
 mov ecx,16
 rep stosq
 mov eax,425
 mov edi,1
 mov rsi,rsp
 syscall
 mov r15d,eax
 test eax,eax
 js ready
 mov r12d,eax
 mov eax,9
 xor edi,edi
 mov esi,4096
 mov edx,3
 mov r10d,0x8001
 mov r8d,r12d
 xor r9d,r9d
 syscall
 mov r13,rax
 mov eax,9
 mov r9d,0x10000000
 syscall
 mov r14,rax
ready:
 call wait
 test r15d,r15d
 js told
 lea rsi,[rip+request]
 mov rdi,r14
 mov ecx,8
 rep movsq
 mov ebx,[rip+request+104]
 test ebx,ebx
 jnz submit
 lea rax,[rsp+408]
 mov [r14+16],rax
submit:
 mov eax,[rsp+64]
 mov dword ptr [r13+rax],0
 mov eax,[rsp+44]
 mov dword ptr [r13+rax],1
 mov eax,426
 mov edi,r12d
 mov esi,1
 mov edx,ebx
 mov r10d,1
 xor r8d,r8d
 xor r9d,r9d
 syscall
 mov r15d,eax
 test eax,eax
 js told
 test ebx,ebx
 jnz made
 call tell
 call wait
made:
 mov eax,[rsp+100]
 mov r15d,[r13+rax+8]
told:
 call tell
 call wait
 lea rbx,[rip+request+64]
 mov rax,[rbx]
 mov rdi,[rbx+8]
 mov rsi,[rbx+16]
 mov rdx,[rbx+24]
 mov r10,[rbx+32]
 syscall
 mov r15d,eax
 call tell
 xor edi,edi
 mov eax,231
 syscall
wait:
 xor eax,eax
 xor edi,edi
 lea rsi,[rsp+400]
 mov edx,1
 syscall
 ret
tell:
 mov [rsp+400],r15d
 mov eax,1
 mov edi,1
 lea rsi,[rsp+400]
 mov edx,4
 syscall
 ret
.balign 8
request:
