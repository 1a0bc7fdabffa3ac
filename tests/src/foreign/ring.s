.intel_syntax noprefix
.globl _start
_start:
 sub rsp, 512
 xor eax,eax
 xor edi,edi
 mov rsi,rsp
 mov edx,1
 syscall
 mov eax,41
 mov edi,2
 mov esi,2
 xor edx,edx
 syscall
 test eax,eax
 js fail
 mov ebx,eax
 mov rdi,rsp
 xor eax,eax
 mov ecx,16
 rep stosq
 mov eax,425
 mov edi,1
 mov rsi,rsp
 syscall
 test eax,eax
 js fail
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
 mov dword ptr [rsp+256],0x09000002
 mov dword ptr [rsp+260],0x0100007f
 lea rcx,[rsp+256]
 mov byte ptr [rax],16
 mov dword ptr [rax+4],ebx
 mov dword ptr [rax+8],16
 mov qword ptr [rax+16],rcx
 mov eax,[rsp+64]
 mov dword ptr [r13+rax],0
 mov eax,[rsp+44]
 mov dword ptr [r13+rax],1
 mov eax,426
 mov edi,r12d
 mov esi,1
 mov edx,1
 mov r10d,1
 xor r8d,r8d
 xor r9d,r9d
 syscall
 test eax,eax
 js fail
 mov eax,[rsp+100]
 mov eax,[r13+rax+8]
 test eax,eax
 js fail
 xor eax,eax
fail:
 neg eax
 mov edi,eax
 mov eax,231
 syscall
